// Reading of .env files.
//
//   # comment
//   NAME=value            # a comment after a blank
//   export NAME=value
//   NAME='taken as it stands'
//   NAME="with \" \\ \$ \n \t"
//
// Nothing is expanded, and a value ends with its line. Blanks around names and values do not count.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wellhead::meta {

struct EnvFileLine {
  std::string name;
  std::string value;
  int line = 0;  // from 1
};

// where: the file's name, for messages. Error{invalid_setting} names where, the line, and what is wrong with it, never
// its value.
std::vector<EnvFileLine> parse_env_file(std::string_view text, std::string_view where);

}  // namespace wellhead::meta
