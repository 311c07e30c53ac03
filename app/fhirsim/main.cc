#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "app/fhirsim/application.h"
#include "app/fhirsim/options.h"
#include "app/fhirsim/server.h"
#include "library/meta/error.h"

int main(int count, char** arguments) {
  using namespace wellhead;
  int exit_code = 0;
  const auto options = fhirsim::parse_command_line(count, arguments, exit_code);
  if (!options) return exit_code;
  try {
    fhirsim::Application application(options->application);
    fhirsim::Server server(application, options->server);
    const auto& address = options->server.address;
    fmt::print("fhirsim: http://{}:{}/fhir\n", address.contains(':') ? "[" + address + "]" : address, server.port());
    std::fflush(stdout);
    server.run();
    if (options->statistics) fmt::print("fhirsim: {}\n", application.statistics());
    return 0;
  } catch (const meta::Error& error) {
    fmt::print(stderr, "fhirsim: {}{}{}\n", error.message(), error.advice().empty() ? "" : ": ", error.advice());
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "fhirsim: {}\n", error.what());
    return 1;
  }
}
