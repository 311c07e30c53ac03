// Upper and lower case of texts, character by character: Latin, Greek, Cyrillic and Armenian letters that have one
// counterpart (Unicode's simple mapping). Other characters stay, and so does the German ß.
#pragma once

#include <cstddef>
#include <string_view>

namespace wellhead::converter {

// Bytes that a text may grow by, as a factor.
constexpr std::size_t kLettersGrow = 2;

// Each writes at most kLettersGrow * text.size() bytes and returns the length.
std::size_t write_upper(std::string_view text, char* out);
std::size_t write_lower(std::string_view text, char* out);

}  // namespace wellhead::converter
