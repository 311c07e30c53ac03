// Fields of the rows that a Converter writes, by the rules that PostgreSQL's COPY reads CSV by.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wellhead::converter {

// The fields of the line at `at`, which moves behind it; nullopt is NULL. The line ends by a line feed. Throws
// std::runtime_error for a quotation that does not end, std::out_of_range for a line that does not.
std::vector<std::optional<std::string>> read_csv_line(std::string_view csv, std::size_t& at);

}  // namespace wellhead::converter
