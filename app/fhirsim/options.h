// The command line of fhirsim.
#pragma once

#include <optional>

#include "app/fhirsim/application.h"
#include "app/fhirsim/server.h"

namespace wellhead::fhirsim {

struct Options {
  Application::Options application;
  Server::Options server;
  bool statistics = false;  // print them at the end
};

// nullopt: there is nothing to serve (help was asked for, or an argument is wrong); exit_code then says which.
std::optional<Options> parse_command_line(int count, char** arguments, int& exit_code);

}  // namespace wellhead::fhirsim
