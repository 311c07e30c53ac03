// Lets requests in by JSON Web Tokens of one issuer, and by API keys beside them.
//
// A token's `wellhead_role` is its role (reader, operator, admin, deidentified), and `wellhead_zips`, a list such as
// ["021*", "02474"], limits it to zip codes as --zip does a key. A token without a role is refused, and so is one with
// an empty or malformed list: what is meant to limit never turns into "all".
//
// Public keys (a JWK set) come from a file or an http(s) URL. They are read again every ten minutes, and when a token
// names a key that is not among them, at most every ten seconds (pause); keys that were read stay good when that fails.
// Until they were read once, tokens get 503.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "library/security/jwt.h"
#include "library/webserver/access.h"

namespace wellhead::access {

struct TokenGateOptions {
  security::JwtRules rules;
  std::string keys;     // path or URL of the JWK set; empty: the secret of the rules alone
  std::string ca_file;  // to trust at the URL, instead of the system's
  // How long after one attempt the keys are asked for again, for a token that names a key that is not among them.
  std::chrono::milliseconds pause{10'000};
};

class TokenGate final : public webserver::Gatekeeper {
 public:
  // others: asked for credentials that are no tokens; outlives the gate.
  TokenGate(TokenGateOptions options, webserver::Gatekeeper& others);
  ~TokenGate() override;  // stops

  // Reads the keys once. Error{invalid_setting} when a file of keys is of no use; a URL may answer later.
  void start();
  void stop();

  std::optional<webserver::Verdict> known(std::string_view credential) override;
  webserver::Task<webserver::Verdict> check(std::string credential, webserver::Worker& worker) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wellhead::access
