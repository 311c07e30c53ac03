#include "library/webserver/access.h"

#include <algorithm>
#include <array>
#include <utility>

#include "library/webserver/problem.h"
#include "library/webserver/route.h"

namespace wellhead::webserver {
namespace {

constexpr auto kRoles = std::to_array<std::pair<Role, std::string_view>>({{Role::deidentified, "deidentified"},
                                                                          {Role::read, "reader"},
                                                                          {Role::operate, "operator"},
                                                                          {Role::administer, "admin"}});

constexpr std::string_view kScheme = "bearer ";

// RFC 6750 §3: what is wrong is said only to who sent something.
Response unauthorized(const Request& request, bool sent) {
  Response response = to_response(
      Problem{401,
              "unauthorized",
              sent ? "This key or token is wrong, expired or revoked"
                   : "Send a key as Authorization: Bearer KEY or as X-API-Key. `wellhead keys create` makes one",
              {}},
      request.id);
  response.headers.emplace_back(
      "WWW-Authenticate", sent ? "Bearer realm=\"wellhead\", error=\"invalid_token\"" : "Bearer realm=\"wellhead\"");
  return response;
}

Response forbidden(const Request& request, std::string detail) {
  return to_response(Problem{403, "forbidden", std::move(detail), {}}, request.id);
}

Response unavailable(const Request& request) {
  Response response = to_response(
      Problem{503, "keys_unavailable", "Keys cannot be checked at the moment. Try again later", {}}, request.id);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

Role least_role(Access access) {
  if (access == Access::administer) return Role::administer;
  return access == Access::operate ? Role::operate : Role::read;
}

}  // namespace

std::string_view to_string(Role role) { return kRoles[static_cast<std::size_t>(role)].second; }

std::optional<Role> role_from_string(std::string_view text) {
  const auto* const found = std::ranges::find(kRoles, text, &std::pair<Role, std::string_view>::second);
  if (found == kRoles.end()) return std::nullopt;
  return found->first;
}

std::string_view credential_of(const Request& request) {
  const std::string_view authorization = request.header("Authorization");
  if (authorization.size() > kScheme.size() && same_name(authorization.substr(0, kScheme.size()), kScheme)) {
    std::string_view credential = authorization.substr(kScheme.size());
    while (credential.starts_with(' ')) credential.remove_prefix(1);
    return credential;
  }
  // Another scheme is a credential too, and a wrong one.
  return authorization.empty() ? request.header("X-API-Key") : authorization;
}

Access access_of(const Route& route) {
  if (route.access != Access::by_method) return route.access;
  if (route.method == Method::get) return Access::read;
  return route.method == Method::del ? Access::administer : Access::operate;
}

std::optional<Response> refuse_access(const Route& route, const Verdict& verdict, Request& request) {
  using Kind = Verdict::Kind;
  const Access access = access_of(route);
  if (access == Access::anyone || verdict.kind == Kind::open) return std::nullopt;
  if (verdict.kind == Kind::unavailable) return unavailable(request);
  if (verdict.kind != Kind::granted) return unauthorized(request, verdict.kind == Kind::refused);
  request.principal = verdict.principal;
  if (access == Access::any_key) return std::nullopt;
  const Principal& principal = *verdict.principal;
  if (principal.role == Role::deidentified && (access != Access::read || !route.deidentified)) {
    return forbidden(request, "A key of the role deidentified cannot have this");
  }
  if (principal.role != Role::deidentified && principal.role < least_role(access)) {
    return forbidden(request, "This needs a key of the role " + std::string(to_string(least_role(access))));
  }
  if (principal.limited() && !route.limited) {
    return forbidden(request, "A key that is limited to some zip codes cannot have this");
  }
  return std::nullopt;
}

}  // namespace wellhead::webserver
