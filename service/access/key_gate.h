// Lets requests in by their API keys.
//
//   KeyGate gate({.database_url = url, .open_without_keys = true});
//   gate.start();
//   webserver::ServerOptions{.gatekeeper = &gate};
//   gate.stop();              // when the server has stopped
//
// A thread of its own reads the keys every second, which is how soon a revoked key is refused. A key's secret is
// checked by argon2id on another thread, once in a minute, and of a key in use ahead of time; in between by a digest
// under a key of this process. When the keys could not be read for a minute nobody is let in (503), for a revocation
// may have been missed.
//
// While there is not one key in the database (not even a revoked one) everybody is let in, if open_without_keys says
// so: that is for loopback.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "library/webserver/access.h"

namespace wellhead::access {

struct KeyGateOptions {
  std::string database_url;
  bool open_without_keys = false;
  std::chrono::milliseconds refresh{1'000};
  std::chrono::milliseconds trust{60'000};  // in a checked key, and in keys that cannot be read again
};

class KeyGate final : public webserver::Gatekeeper {
 public:
  explicit KeyGate(KeyGateOptions options);
  ~KeyGate() override;  // stops

  // Reads the keys once, if the database answers, and goes on doing so.
  void start();
  void stop();

  std::optional<webserver::Verdict> known(std::string_view credential) override;
  webserver::Task<webserver::Verdict> check(std::string credential, webserver::Worker& worker) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wellhead::access
