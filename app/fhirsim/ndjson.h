// NDJSON files, plain or zstd-compressed (by their name's end, .zst), a line at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace wellhead::fhirsim {

// Gives each line that is not blank, without its newline. Throws meta::Error{invalid_input} for an unreadable or
// corrupt file.
void read_ndjson(const std::string& path, const std::function<void(std::string_view line)>& receive);

}  // namespace wellhead::fhirsim
