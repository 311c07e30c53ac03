// What other people's servers say, made fit for one line of a message, a log and a PostgreSQL text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wellhead::webclient {

// Bytes of the well-formed UTF-8 sequence (Unicode 15 table 3-7) at the front; 0: there is none.
std::size_t utf8_sequence(std::string_view text);

// Blanks and control characters collapsed, bytes that are no UTF-8 as '?', cut after `limit` bytes with an ellipsis.
std::string one_line(std::string_view text, std::size_t limit);

}  // namespace wellhead::webclient
