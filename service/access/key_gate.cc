#include "service/access/key_gate.h"

#include <spdlog/spdlog.h>

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <unordered_map>
#include <utility>

#include "library/meta/error.h"
#include "library/security/argon2.h"
#include "library/security/secret.h"
#include "library/storage/postgres/connection.h"
#include "library/webserver/blocking_pool.h"
#include "service/access/keys.h"

namespace wellhead::access {
namespace {

using Steady = std::chrono::steady_clock;
using webserver::PrincipalPointer;
using webserver::Verdict;

// One thread: argon2id takes 19 MiB, and whoever guesses keys shall not get the other cores.
constexpr std::size_t kThreads = 1;
constexpr std::size_t kMostWaiting = 256;
// A checked key is checked again in this part of its time before that is over, while it goes on being let in: nobody
// waits for argon2id but who comes with a key for the first time.
constexpr int kAhead = 4;
// Keys whose secret was wrong are remembered, so that repeating one costs nothing.
constexpr std::chrono::seconds kRefusalTime{10};
constexpr std::size_t kMostRemembered = 10'000;
// How soon an unknown key makes the keys be read again: it may be new.
constexpr std::chrono::milliseconds kUnknownKeyPause{200};

constexpr std::string_view kReadKeys =
    "SELECT key_id, role, array_to_string(zip_prefixes, ','), hash, floor(extract(epoch FROM expires_at))::bigint, "
    "revoked_at IS NOT NULL FROM api_key";

struct Key {
  PrincipalPointer principal;
  std::string hash;
  bool revoked = false;
};
using Keys = std::unordered_map<std::string, Key>;

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    items.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return items;
}

Keys read_keys(storage::Connection& connection) {
  Keys keys;
  const auto rows = connection.query(kReadKeys);
  for (int row = 0; row < rows.rows(); ++row) {
    auto principal = std::make_shared<webserver::Principal>();
    principal->id = rows.text(row, 0);
    principal->role = webserver::role_from_string(rows.text(row, 1)).value_or(webserver::Role::deidentified);
    principal->zip_prefixes = split_list(rows.text(row, 2));
    if (const auto expires = rows.optional_integer(row, 4)) {
      principal->expires = std::chrono::system_clock::time_point(std::chrono::seconds(*expires));
    }
    keys[principal->id] = {principal, std::string(rows.text(row, 3)), rows.boolean(row, 5)};
  }
  return keys;
}

bool expired(const webserver::Principal& principal) {
  return principal.expires && std::chrono::system_clock::now() >= *principal.expires;
}

Verdict refused() { return {Verdict::Kind::refused, nullptr}; }

}  // namespace

struct KeyGate::State {
  explicit State(KeyGateOptions given)
      : options(std::move(given)), digest(security::random_bytes(32)), pool(kThreads, kMostWaiting) {}

  // What is remembered of a credential, under its digest.
  struct Checked {
    std::string key_id;
    PrincipalPointer principal;  // null: refused
    Steady::time_point until;
    bool checking_again = false;
  };

  void run(const std::stop_token& stop);
  bool refresh();
  void take(Keys read);
  void refresh_for_unknown_key();
  std::optional<Verdict> general(bool missing) const;
  std::optional<Verdict> remembered(const std::string& under);
  bool begin_check_ahead(const std::string& under);
  void check_ahead(std::string_view credential, const std::string& under);
  void remember(const std::string& under, Checked checked);
  Verdict verify(const std::string& credential, bool again = false);

  KeyGateOptions options;
  security::KeyedDigest digest;
  webserver::BlockingPool pool;

  std::mutex reading;  // one reads at a time; held without the other
  std::unique_ptr<storage::Connection> connection;
  bool reported = false;

  mutable std::mutex mutex;
  Keys keys;
  std::optional<Steady::time_point> read_at;
  std::unordered_map<std::string, Checked> checked;
  std::jthread thread;
};

// --- reading the keys ------------------------------------------------------------------------------------------------

void KeyGate::State::run(const std::stop_token& stop) {
  std::mutex idle;
  std::condition_variable_any wake;
  std::unique_lock lock(idle);
  while (!wake.wait_for(lock, stop, options.refresh, [&] { return stop.stop_requested(); })) refresh();
}

bool KeyGate::State::refresh() {
  const std::scoped_lock alone(reading);
  try {
    if (!connection || !connection->usable()) {
      connection = std::make_unique<storage::Connection>(
          options.database_url,
          storage::ConnectionOptions{
              .application_name = "wellhead keys", .connect_timeout_seconds = 5, .statement_timeout_seconds = 10});
    }
    take(read_keys(*connection));
    reported = false;
    return true;
  } catch (const meta::Error& error) {
    connection.reset();
    if (!std::exchange(reported, true)) spdlog::warn("the API's keys cannot be read: {}", error.message());
    return false;
  }
}

// What was remembered of a key that has changed is forgotten.
void KeyGate::State::take(Keys read) {
  const std::scoped_lock lock(mutex);
  const auto stale = [&](const auto& entry) {
    const auto now = read.find(entry.second.key_id);
    const auto before = keys.find(entry.second.key_id);
    return now == read.end() || before == keys.end() || now->second.revoked ||
           now->second.hash != before->second.hash || now->second.principal->role != before->second.principal->role ||
           now->second.principal->zip_prefixes != before->second.principal->zip_prefixes ||
           now->second.principal->expires != before->second.principal->expires;
  };
  std::erase_if(checked, stale);
  keys = std::move(read);
  read_at = Steady::now();
}

void KeyGate::State::refresh_for_unknown_key() {
  {
    const std::scoped_lock lock(mutex);
    if (read_at && Steady::now() - *read_at < kUnknownKeyPause) return;
  }
  refresh();
}

// --- asking ----------------------------------------------------------------------------------------------------------

// What needs no look at the credential. Under the mutex.
std::optional<Verdict> KeyGate::State::general(bool missing) const {
  if (!read_at || Steady::now() - *read_at > options.trust) return Verdict{Verdict::Kind::unavailable, nullptr};
  if (keys.empty() && options.open_without_keys) return Verdict{Verdict::Kind::open, nullptr};
  if (missing) return Verdict{Verdict::Kind::missing, nullptr};
  return std::nullopt;
}

std::optional<Verdict> KeyGate::State::remembered(const std::string& under) {
  const auto found = checked.find(under);
  if (found == checked.end()) return std::nullopt;
  if (Steady::now() >= found->second.until) {
    checked.erase(found);
    return std::nullopt;
  }
  const PrincipalPointer& principal = found->second.principal;
  if (!principal || expired(*principal)) return refused();
  return Verdict{Verdict::Kind::granted, principal};
}

// Whether it is time to, and nobody does so already. Under the mutex.
bool KeyGate::State::begin_check_ahead(const std::string& under) {
  const auto found = checked.find(under);
  if (found == checked.end() || !found->second.principal || found->second.checking_again) return false;
  if (Steady::now() < found->second.until - options.trust / kAhead) return false;
  found->second.checking_again = true;
  return true;
}

void KeyGate::State::check_ahead(std::string_view credential, const std::string& under) {
  const auto given_up = [this, under] {
    const std::scoped_lock lock(mutex);
    if (const auto found = checked.find(under); found != checked.end()) found->second.checking_again = false;
  };
  try {
    pool.submit([this, given_up, copy = std::string(credential)] {
      try {
        verify(copy, true);
      } catch (const std::exception&) {
        given_up();
      }
    });
  } catch (const meta::Error&) {
    // Too many wait: whoever comes when its time is over waits with them.
    given_up();
  }
}

void KeyGate::State::remember(const std::string& under, Checked entry) {
  if (checked.size() >= kMostRemembered) {
    const auto now = Steady::now();
    std::erase_if(checked, [&](const auto& old) { return now >= old.second.until; });
    // Still too many: guesses, which may be made again.
    if (checked.size() >= kMostRemembered)
      std::erase_if(checked, [](const auto& old) { return !old.second.principal; });
  }
  checked.insert_or_assign(under, std::move(entry));
}

// Blocks: argon2id, and the database for a key that is not known yet.
// again: also if it was checked not long ago.
Verdict KeyGate::State::verify(const std::string& credential, bool again) {
  const auto parts = split_key(credential);
  if (!parts) return refused();
  const std::string id(parts->id);
  const std::string under = digest.of(credential);
  std::optional<Key> key;
  for (const bool unknown : {false, true}) {
    if (unknown) refresh_for_unknown_key();
    const std::scoped_lock lock(mutex);
    // Several requests may have waited with the same key.
    if (!again) {
      if (auto verdict = remembered(under)) return *verdict;
    }
    if (const auto found = keys.find(id); found != keys.end()) {
      key = found->second;
      break;
    }
  }
  if (!key || key->revoked || expired(*key->principal)) return refused();
  const bool matches = security::argon2id_matches(key->hash, parts->secret);
  const auto until = Steady::now() + (matches ? options.trust : std::chrono::milliseconds(kRefusalTime));
  const std::scoped_lock lock(mutex);
  // It may have been revoked meanwhile.
  const auto now = keys.find(id);
  const bool unchanged = now != keys.end() && !now->second.revoked && now->second.hash == key->hash;
  if (!unchanged) return refused();
  remember(under, {id, matches ? now->second.principal : nullptr, until});
  return matches ? Verdict{Verdict::Kind::granted, now->second.principal} : refused();
}

KeyGate::KeyGate(KeyGateOptions options) : state_(std::make_unique<State>(std::move(options))) {}

KeyGate::~KeyGate() { stop(); }

void KeyGate::start() {
  state_->refresh();
  state_->thread = std::jthread([state = state_.get()](const std::stop_token& stop) { state->run(stop); });
}

void KeyGate::stop() {
  if (state_->thread.joinable()) {
    state_->thread.request_stop();
    state_->thread.join();
  }
  state_->pool.stop();
  state_->connection.reset();
}

std::optional<Verdict> KeyGate::known(std::string_view credential) {
  {
    const std::scoped_lock lock(state_->mutex);
    if (auto verdict = state_->general(credential.empty())) return verdict;
  }
  // What cannot be a key costs nothing.
  if (!split_key(credential)) return refused();
  const std::string under = state_->digest.of(credential);
  std::optional<Verdict> verdict;
  bool ahead = false;
  {
    const std::scoped_lock lock(state_->mutex);
    verdict = state_->remembered(under);
    ahead = verdict && state_->begin_check_ahead(under);
  }
  if (ahead) state_->check_ahead(credential, under);
  return verdict;
}

webserver::Task<Verdict> KeyGate::check(std::string credential, webserver::Worker& worker) {
  std::function<Verdict()> work = [state = state_.get(), credential] { return state->verify(credential); };
  auto running = state_->pool.run<Verdict>(worker, std::move(work));
  Verdict verdict = co_await running;
  co_return verdict;
}

}  // namespace wellhead::access
