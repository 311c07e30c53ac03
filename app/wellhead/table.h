// Text for people: aligned columns, numbers and times.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace wellhead::app {

enum class Align { left, right };

// Columns two blanks apart; the first row is the header. Widths count code points.
std::string format_table(const std::vector<std::vector<std::string>>& rows, const std::vector<Align>& alignment = {});

std::string with_thousands(std::int64_t number);  // 1,204
std::string clock_time(double seconds);           // 0:42, 1:02:03
std::string bytes_text(std::int64_t bytes);       // 12.3 MiB

}  // namespace wellhead::app
