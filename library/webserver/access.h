// Who calls, and what a route asks of them. A server without a Gatekeeper asks nothing of anybody.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/webserver/task.h"

namespace wellhead::webserver {

class Worker;
struct Problem;
struct Request;
struct Response;
struct Route;

// Each may do what those before it may, but that `deidentified` sees less than nothing of a person.
enum class Role { deidentified, read, operate, administer };
// deidentified, reader, operator, admin
std::string_view to_string(Role role);
std::optional<Role> role_from_string(std::string_view text);

// What a route asks for.
enum class Access {
  by_method,  // read for GET, administer for DELETE, operate for the others
  anyone,     // also who has no credential
  any_key,    // whatever its role and limits
  read,
  operate,
  administer,
};

// Who a request was found to come from.
struct Principal {
  std::string id;  // for the audit trail: of the key, or the issuer and subject of a token
  Role role = Role::read;
  // Digits that the zip codes begin with whose patients it may see; empty: all.
  std::vector<std::string> zip_prefixes;
  std::optional<std::chrono::system_clock::time_point> expires;

  bool limited() const { return !zip_prefixes.empty(); }
};
using PrincipalPointer = std::shared_ptr<const Principal>;

struct Verdict {
  enum class Kind {
    open,         // nobody needs a credential here
    granted,      // by the principal
    missing,      // there is none, and one is needed
    refused,      // wrong, expired or revoked
    unavailable,  // it cannot be told at the moment
  };
  Kind kind = Kind::refused;
  PrincipalPointer principal;
};

// Tells who has a credential. Called on the workers' threads.
class Gatekeeper {
 public:
  virtual ~Gatekeeper() = default;
  // credential: empty when none was sent. Must not block; nullopt: check() has to look into it.
  virtual std::optional<Verdict> known(std::string_view credential) = 0;
  virtual Task<Verdict> check(std::string credential, Worker& worker) = 0;
};

// Of `Authorization: Bearer` (RFC 6750 §2.1) or `X-API-Key`; empty when there is none. A credential in a query is not
// looked at: queries end in logs.
std::string_view credential_of(const Request& request);

Access access_of(const Route& route);
// What keeps the principal from the route; nullopt: nothing. Fills in request.principal.
std::optional<Response> refuse_access(const Route& route, const Verdict& verdict, Request& request);

}  // namespace wellhead::webserver
