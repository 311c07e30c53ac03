#include "service/access/token_gate.h"

#include <spdlog/spdlog.h>

#include <condition_variable>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "library/meta/error.h"
#include "library/webclient/http.h"
#include "library/webserver/blocking_pool.h"
#include "service/access/keys.h"

namespace wellhead::access {
namespace {

using Steady = std::chrono::steady_clock;
using webserver::Verdict;

constexpr std::chrono::minutes kInterval{10};
constexpr std::size_t kMostWaitingTokens = 64;
constexpr std::size_t kMostBytes = 1 << 20;

bool is_url(std::string_view text) { return text.starts_with("http://") || text.starts_with("https://"); }

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in.is_open() || in.bad()) {
    throw meta::Error(meta::ErrorCode::invalid_setting, "the JWK set " + path + " cannot be read",
                      "Set WELLHEAD_JWT_KEYS to a file that can be");
  }
  return text;
}

Verdict refused_token() { return {Verdict::Kind::refused, nullptr}; }

}  // namespace

struct TokenGate::State {
  State(TokenGateOptions given, webserver::Gatekeeper& gate)
      : options(std::move(given)), others(gate), pool(1, kMostWaitingTokens), ready(options.keys.empty()) {}

  std::string fetch(const std::stop_token& stop) const;
  void refresh(const std::stop_token& stop = {});
  void run(const std::stop_token& stop);
  bool wants_refresh(std::string_view token);
  Verdict judge(std::string_view token);

  TokenGateOptions options;
  webserver::Gatekeeper& others;
  webserver::BlockingPool pool;

  std::mutex mutex;
  security::JwtKeys keys;
  bool ready;  // the keys were read
  std::optional<Steady::time_point> tried_at;
  bool reported = false;
  std::jthread thread;
};

// Blocks.
std::string TokenGate::State::fetch(const std::stop_token& stop) const {
  if (!is_url(options.keys)) return read_file(options.keys);
  webclient::HttpSettings settings;
  settings.source_url = options.keys;
  settings.ca_file = options.ca_file;
  settings.max_response_bytes = kMostBytes;
  settings.connect_timeout = std::chrono::seconds(5);
  settings.read_timeout = settings.request_timeout = std::chrono::seconds(10);
  settings.retry.attempts = 2;
  webclient::HttpClient client(settings);
  webclient::HttpRequest request;
  request.url = options.keys;
  request.headers = {"Accept: application/json"};
  webclient::HttpResponse response = client.send(request, stop);
  if (response.status != 200) throw webclient::status_error(request, response);
  return std::move(response.body);
}

void TokenGate::State::refresh(const std::stop_token& stop) {
  {
    const std::scoped_lock lock(mutex);
    tried_at = Steady::now();
  }
  auto read = security::JwtKeys::parse(fetch(stop));
  const std::scoped_lock lock(mutex);
  keys = std::move(read);
  ready = true;
  reported = false;
}

void TokenGate::State::run(const std::stop_token& stop) {
  std::mutex idle;
  std::condition_variable_any wake;
  std::unique_lock lock(idle);
  for (;;) {
    bool soon = false;
    try {
      refresh(stop);
    } catch (const meta::Error& error) {
      if (stop.stop_requested()) return;
      const std::scoped_lock reporting(mutex);
      soon = !ready;
      if (!std::exchange(reported, true)) spdlog::warn("the keys for tokens cannot be read: {}", error.message());
    }
    const auto pause = soon ? options.pause : std::chrono::duration_cast<std::chrono::milliseconds>(kInterval);
    if (wake.wait_for(lock, stop, pause, [&] { return stop.stop_requested(); })) return;
  }
}

// Whether the token names a key that may be newer than ours.
bool TokenGate::State::wants_refresh(std::string_view token) {
  if (options.keys.empty()) return false;
  const auto id = security::key_id_of(token);
  const std::scoped_lock lock(mutex);
  if (!id || keys.has(*id)) return false;
  return !tried_at || Steady::now() - *tried_at >= options.pause;
}

Verdict TokenGate::State::judge(std::string_view token) {
  security::JwtKeys now_good;
  {
    const std::scoped_lock lock(mutex);
    if (!ready) return {Verdict::Kind::unavailable, nullptr};
    now_good = keys;
  }
  const auto claims = security::verify_jwt(token, now_good, options.rules, std::chrono::system_clock::now());
  if (!claims) {
    spdlog::debug("a token was refused: {}", claims.error());
    return refused_token();
  }
  const auto role = webserver::role_from_string(claims->role);
  if (!role || (claims->has_zips && claims->zips.empty())) return refused_token();
  auto principal = std::make_shared<webserver::Principal>();
  principal->id = options.rules.issuer + " " + claims->subject;
  principal->role = *role;
  principal->expires = claims->expires;
  try {
    for (const auto& zip : claims->zips) principal->zip_prefixes.push_back(parse_zip_prefix(zip));
  } catch (const meta::Error&) {
    return refused_token();
  }
  return {Verdict::Kind::granted, std::move(principal)};
}

TokenGate::TokenGate(TokenGateOptions options, webserver::Gatekeeper& others)
    : state_(std::make_unique<State>(std::move(options), others)) {}

TokenGate::~TokenGate() { stop(); }

void TokenGate::start() {
  if (state_->options.keys.empty()) return;
  if (!is_url(state_->options.keys)) state_->refresh();
  state_->thread = std::jthread([state = state_.get()](const std::stop_token& stop) { state->run(stop); });
}

void TokenGate::stop() {
  if (state_->thread.joinable()) {
    state_->thread.request_stop();
    state_->thread.join();
  }
  state_->pool.stop();
}

std::optional<Verdict> TokenGate::known(std::string_view credential) {
  if (!security::looks_like_jwt(credential)) return state_->others.known(credential);
  if (state_->wants_refresh(credential)) return std::nullopt;
  return state_->judge(credential);
}

webserver::Task<Verdict> TokenGate::check(std::string credential, webserver::Worker& worker) {
  if (!security::looks_like_jwt(credential)) {
    Verdict verdict = co_await state_->others.check(std::move(credential), worker);
    co_return verdict;
  }
  std::function<Verdict()> work = [state = state_.get(), credential] {
    try {
      if (state->wants_refresh(credential)) state->refresh();
    } catch (const meta::Error& error) {
      spdlog::warn("the keys for tokens cannot be read: {}", error.message());
    }
    return state->judge(credential);
  };
  auto running = state_->pool.run<Verdict>(worker, std::move(work));
  Verdict verdict = co_await running;
  co_return verdict;
}

}  // namespace wellhead::access
