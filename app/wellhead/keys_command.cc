// wellhead keys: makes, lists and revokes keys of the API.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "app/wellhead/command.h"
#include "app/wellhead/composition.h"
#include "app/wellhead/stop_signals.h"
#include "app/wellhead/table.h"
#include "library/meta/describe.h"
#include "library/meta/error.h"
#include "service/access/keys.h"
#include "service/resource/row_limits.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kKeysExamples =
    "  wellhead keys create --role admin                              a key for you\n"
    "  wellhead keys create --role reader --zip '021*' --expires 90d  one that sees these zip codes alone\n"
    "  wellhead keys list                                             which there are, without their secrets\n"
    "  wellhead keys revoke 0f3a5c7e9b1d                              refused within a second or two\n"
    "Send a key as `Authorization: Bearer KEY` or `X-API-Key: KEY`. From the first key on the API asks for one.";
constexpr std::string_view kCreateExamples =
    "  wellhead keys create --role reader                        reads everything\n"
    "  wellhead keys create --role operator --name nightly       also loads, pauses, cancels …\n"
    "  wellhead keys create --role admin --expires 30d           also erases and reads the audit trail\n"
    "  wellhead keys create --role reader --zip '021*' --zip 02474\n"
    "The key is shown this once. The database keeps only its argon2id hash.";
constexpr std::string_view kKeyListExamples = "  wellhead keys list";
constexpr std::string_view kRevokeExamples = "  wellhead keys revoke 0f3a5c7e9b1d";

struct KeyList {
  std::vector<access::ApiKey> keys;
  static constexpr auto kFields = meta::fields(meta::field("keys", &KeyList::keys));
};

std::string zips_text(const access::ApiKey& key) {
  std::string text;
  for (const auto& prefix : key.zip_prefixes) {
    text += fmt::format("{}{}{}", text.empty() ? "" : " ", prefix, prefix.size() < 5 ? "*" : "");
  }
  return text.empty() ? "all" : text;
}

std::string state_text(const access::ApiKey& key) {
  if (key.revoked_at) return "revoked " + *key.revoked_at;
  return key.usable ? "usable" : "expired";
}

std::string as_key_table(const std::vector<access::ApiKey>& keys) {
  std::vector<std::vector<std::string>> rows = {{"KEY", "ROLE", "ZIP CODES", "STATE", "EXPIRES", "NAME"}};
  for (const auto& key : keys) {
    rows.push_back({key.id, key.role, zips_text(key), state_text(key), key.expires_at.value_or("never"), key.name});
  }
  return keys.empty() ? "no keys yet; `wellhead keys create --role admin` makes one\n" : format_table(rows);
}

// Does something on the database, which is brought up to date first.
template <class Do>
int with_database(const CommandLine& line, Do action) {
  const auto settings = line.start();
  const StopSignals signals;
  const Database database(settings, [&] { return signals.requested(); });
  database.migrate();
  auto connection = database.connect();
  action(connection);
  return kDone;
}

struct CreateArguments {
  std::string role;
  std::string name;
  std::vector<std::string> zips;
  std::string expires = "365d";
};

int create(const CommandLine& line, const CreateArguments& arguments) {
  const auto role = webserver::role_from_string(arguments.role);
  if (!role) {
    throw meta::Error(meta::ErrorCode::invalid_input, fmt::format("there is no role '{}'", arguments.role),
                      "The roles are reader, operator, admin and deidentified");
  }
  access::KeyRequest request{.role = *role, .name = arguments.name, .zip_prefixes = {}, .lifetime = {}};
  for (const auto& zip : arguments.zips) request.zip_prefixes.push_back(access::parse_zip_prefix(zip));
  request.lifetime = access::parse_lifetime(arguments.expires);
  return with_database(line, [&](storage::Connection& connection) {
    if (!request.zip_prefixes.empty()) resource::require_limited_role(connection);
    const auto created = access::create_key(connection, request);
    if (line.json) {
      fmt::print("{}\n", meta::to_json(created));
      return;
    }
    fmt::print("{}\n", created.key);
    std::fflush(stdout);
    fmt::print(stderr,
               "This is the only time that the key is shown. Role {}, zip codes {}, expires {}; `wellhead keys revoke "
               "{}` ends it.\n",
               created.description.role, zips_text(created.description),
               created.description.expires_at.value_or("never"), created.description.id);
  });
}

int list_all_keys(const CommandLine& line) {
  return with_database(line, [&](storage::Connection& connection) {
    const KeyList list{access::list_keys(connection)};
    std::fputs((line.json ? meta::to_json(list) + "\n" : as_key_table(list.keys)).c_str(), stdout);
  });
}

int revoke(const CommandLine& line, const std::string& id) {
  return with_database(line, [&](storage::Connection& connection) {
    const auto key = access::revoke_key(connection, id);
    fmt::print("{}\n", line.json ? meta::to_json(key) : fmt::format("key {} is {}", key.id, state_text(key)));
  });
}

void add_create(const Command& keys, CommandLine& line) {
  const auto command = add_command(keys, line, "create", "Make a key and show it once.", kCreateExamples, {});
  const auto arguments = std::make_shared<CreateArguments>();
  command.option("--role", arguments->role, "What it may do: reader, operator, admin or deidentified.")
      .required()
      .type_name("ROLE");
  command.option("--name", arguments->name, "For people, to tell it by.").type_name("TEXT");
  command
      .option("--zip", arguments->zips,
              "Only patients of these zip codes: 02139, or 021* for all that begin so. May be given again.")
      .type_name("ZIP");
  command.option("--expires", arguments->expires, "How long it is good: 90d, 12h, never. Default: 365d.")
      .type_name("TIME");
  command.when_chosen([&line, arguments] { line.action = [&line, arguments] { return create(line, *arguments); }; });
}

void add_list(const Command& keys, CommandLine& line) {
  const auto command = add_command(keys, line, "list", "Show the keys, without their secrets.", kKeyListExamples, {});
  command.when_chosen([&line] { line.action = [&line] { return list_all_keys(line); }; });
}

void add_revoke(const Command& keys, CommandLine& line) {
  const auto command = add_command(keys, line, "revoke", "End a key.", kRevokeExamples, {});
  const auto id = std::make_shared<std::string>();
  command.option("key", *id, "The key's id: the part after wellhead_, as `keys list` shows it.")
      .required()
      .type_name("KEY");
  command.when_chosen([&line, id] { line.action = [&line, id] { return revoke(line, *id); }; });
}

}  // namespace

void add_keys(const Command& program, CommandLine& line) {
  const auto command = add_command_group(program, "keys", "Make, list and revoke keys of the API.", kKeysExamples);
  for (const auto add : {add_create, add_list, add_revoke}) add(command, line);
}

}  // namespace wellhead::app
