#include "library/storage/postgres/client_environment.h"

#include <libpq-fe.h>

#include <memory>

#include "library/meta/error.h"

namespace wellhead::storage {

ClientEnvironment client_environment(const std::string& url) {
  // libpq's complaint may quote the password, so it is not asked for.
  const std::unique_ptr<PQconninfoOption, decltype(&::PQconninfoFree)> options(::PQconninfoParse(url.c_str(), nullptr),
                                                                               &::PQconninfoFree);
  if (!options) {
    throw meta::Error(meta::ErrorCode::invalid_setting, "WELLHEAD_DATABASE_URL is not a PostgreSQL URL",
                      "It looks like postgresql://user@host/database");
  }
  ClientEnvironment environment;
  for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    if (option->envvar != nullptr) {
      environment.variables.emplace_back(option->envvar, option->val);
      continue;
    }
    if (!environment.rest.empty()) environment.rest += ' ';
    environment.rest += std::string(option->keyword) + "='";
    for (const char* c = option->val; *c != '\0'; ++c) {
      if (*c == '\'' || *c == '\\') environment.rest += '\\';
      environment.rest += *c;
    }
    environment.rest += '\'';
  }
  return environment;
}

}  // namespace wellhead::storage
