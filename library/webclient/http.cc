#include "library/webclient/http.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <expected>
#include <fstream>
#include <mutex>
#include <random>
#include <utility>

#include "library/webclient/source_metrics.h"
#include "library/webclient/text.h"
#include "library/webclient/transfer.h"
#include "library/webclient/url.h"

namespace wellhead::webclient {
namespace {

using meta::Error;
using meta::ErrorCode;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::array kRedirects = {301, 302, 303, 307, 308};

bool is_redirect(const HttpResponse& response) {
  return std::ranges::find(kRedirects, response.status) != kRedirects.end() && !response.location.empty();
}

bool worth_repeating(int status) {
  return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

std::string read_token(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string token;
  if (!file || !std::getline(file, token)) {
    throw Error(ErrorCode::invalid_setting, "cannot read a token from " + path.string(),
                "Check WELLHEAD_SOURCE_TOKEN_FILE: the file holds the token on its first line");
  }
  return token;
}

RequestOutcome outcome_of(const std::optional<TransferFailure>& failure, const HttpResponse& response) {
  using Health = RequestOutcome::Health;
  if (!failure) {
    if (!worth_repeating(response.status)) return {.health = Health::well};
    return {Health::failing, status_code(response.status), fmt::format("answered {}", response.status)};
  }
  if (failure->code == ErrorCode::source_limit) return {.health = Health::well};
  if (!failure->repeat || failure->stale_connection) return {};
  return {Health::failing, failure->code, one_line(failure->what, 300)};
}

constexpr std::string_view status_class(int status) {
  constexpr std::array<std::string_view, 6> classes = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
  return status >= 100 && status < 600 ? classes[static_cast<std::size_t>(status / 100)] : classes[0];
}

// Tells the limiter how the request ended, whatever way it does.
class Reported {
 public:
  Reported(RateLimiter* limiter, const std::stop_token& stop) : limiter_(limiter) {
    if (limiter_ != nullptr) permit_ = limiter_->acquire(stop);
  }
  ~Reported() {
    if (limiter_ != nullptr) limiter_->report(permit_, outcome);
  }
  Reported(const Reported&) = delete;
  Reported& operator=(const Reported&) = delete;

  RequestOutcome outcome;

 private:
  RateLimiter* limiter_;
  Permit permit_;
};

// A token goes into a header: no byte of it may end the line.
std::string checked_token(std::string token) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!token.empty() && blank(token.back())) token.pop_back();
  token.erase(token.begin(), std::ranges::find_if_not(token, blank));
  if (std::ranges::any_of(token, [](unsigned char c) { return c <= ' ' || c >= 0x7f; })) {
    throw Error(ErrorCode::invalid_setting, "the source's token has characters that no bearer token has (RFC 6750)",
                "Check WELLHEAD_SOURCE_TOKEN or its file");
  }
  return token;
}

}  // namespace

Traffic Traffic::operator-(const Traffic& other) const {
  return {requests - other.requests, retries - other.retries, bytes - other.bytes};
}

struct HttpShare::State {
  std::array<std::mutex, CURL_LOCK_DATA_LAST> mutexes;
  CURLSH* share = nullptr;
};

HttpShare::HttpShare() : state_(std::make_unique<State>()) {
  state_->share = curl_share_init();
  if (state_->share == nullptr) throw Error(ErrorCode::internal, "libcurl could not be started");
  const auto lock = +[](CURL*, curl_lock_data data, curl_lock_access, void* state) {
    static_cast<State*>(state)->mutexes[data].lock();
  };
  const auto unlock =
      +[](CURL*, curl_lock_data data, void* state) { static_cast<State*>(state)->mutexes[data].unlock(); };
  curl_share_setopt(state_->share, CURLSHOPT_LOCKFUNC, lock);
  curl_share_setopt(state_->share, CURLSHOPT_UNLOCKFUNC, unlock);
  curl_share_setopt(state_->share, CURLSHOPT_USERDATA, state_.get());
  curl_share_setopt(state_->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
  curl_share_setopt(state_->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
}

HttpShare::~HttpShare() { curl_share_cleanup(state_->share); }

void* HttpShare::native() const { return state_->share; }

class HttpClient::Session {
 public:
  Session(HttpSettings settings, HttpShare* share, RateLimiter* limiter);

  HttpResponse send(const HttpRequest& request, const std::stop_token& stop);
  const Traffic& traffic() const { return traffic_; }
  const HttpSettings& settings() const { return settings_; }

 private:
  struct Failure {
    Error error;
    bool repeat = false;
  };
  using Answer = std::expected<HttpResponse, Failure>;

  Answer try_once(const HttpRequest& request, const std::stop_token& stop);
  Answer exchange(const HttpRequest& request, const Url& url, bool post, const std::stop_token& stop);
  std::optional<Failure> redirect(const HttpRequest& request, const HttpResponse& response, Url& url, bool& post) const;
  std::optional<TransferFailure> perform(Hop hop, const std::stop_token& stop, HttpResponse& response);
  bool renew_token();
  bool belongs_to_source(const Url& url) const { return source_ && source_->origin() == url.origin(); }
  milliseconds wait_before(int attempt, std::optional<milliseconds> retry_after);
  void count_retry();

  HttpSettings settings_;
  std::optional<Url> source_;
  RateLimiter* limiter_;
  Transfer transfer_;
  std::string token_;
  Traffic traffic_;
  std::minstd_rand random_{std::random_device{}()};
};

namespace {

HttpSettings checked(HttpSettings settings) {
  auto& credentials = settings.credentials;
  if (!settings.source_url.empty() && credentials.user.empty()) {
    const auto url = Url::parse(settings.source_url);
    credentials.user = url.user();
    if (!url.password().empty()) credentials.password = url.password();
  }
  const int kinds = (credentials.token.empty() ? 0 : 1) + (credentials.token_file.empty() ? 0 : 1) +
                    (credentials.user.empty() ? 0 : 1);
  if (kinds > 1) {
    throw Error(ErrorCode::invalid_setting, "more than one way to log in to the source is set",
                "Set one of WELLHEAD_SOURCE_TOKEN, WELLHEAD_SOURCE_TOKEN_FILE and WELLHEAD_SOURCE_USER");
  }
  if (!settings.ca_file.empty() && !std::ifstream(settings.ca_file)) {
    throw Error(ErrorCode::invalid_setting, "cannot read the certificates in " + settings.ca_file,
                "Check WELLHEAD_SOURCE_CA_FILE");
  }
  return settings;
}

}  // namespace

HttpClient::Session::Session(HttpSettings settings, HttpShare* share, RateLimiter* limiter)
    : settings_(checked(std::move(settings))), limiter_(limiter), transfer_(settings_, share) {
  if (!settings_.source_url.empty()) source_ = Url::parse(settings_.source_url);
  const auto& credentials = settings_.credentials;
  token_ = checked_token(credentials.token_file.empty() ? credentials.token : read_token(credentials.token_file));
}

HttpResponse HttpClient::Session::send(const HttpRequest& request, const std::stop_token& stop) {
  const auto start = Clock::now();
  for (int attempt = 1;; ++attempt) {
    auto answer = try_once(request, stop);
    if (answer && !worth_repeating(answer->status)) return *std::move(answer);
    const bool repeat = answer || answer.error().repeat;
    const auto retry_after = answer ? answer->retry_after : std::nullopt;
    if (retry_after && limiter_ != nullptr) limiter_->block_until(meta::SystemClock().now() + *retry_after);
    const auto wait = wait_before(attempt, retry_after);
    const bool again = repeat && attempt < settings_.retry.attempts &&
                       (!retry_after || *retry_after <= settings_.retry.max_delay) &&
                       Clock::now() - start + wait <= settings_.retry.time_limit;
    if (!again) {
      const Error error = answer ? status_error(request, *answer) : answer.error().error;
      if (attempt == 1) throw error;
      Error counted(error.code(), fmt::format("{} (attempt {})", error.message(), attempt), error.advice());
      if (error.retry_after()) counted.set_retry_after(*error.retry_after());
      if (!error.retryable()) counted.no_retry();
      throw counted;
    }
    count_retry();
    spdlog::debug("attempt {} follows in {} ms: {}", attempt + 1, wait.count(),
                  answer ? status_error(request, *answer).message() : answer.error().error.message());
    if (!sleep_until(Clock::now() + wait, stop))
      throw Error(ErrorCode::cancelled, "stopped before a request was repeated");
  }
}

milliseconds HttpClient::Session::wait_before(int attempt, std::optional<milliseconds> retry_after) {
  const auto& policy = settings_.retry;
  const auto doublings = std::min(attempt - 1, 30);
  const auto ceiling = std::min<std::int64_t>(policy.max_delay.count(), policy.delay.count() << doublings);
  // Full jitter: many clients that failed together do not come back together. After Retry-After it is added, so that
  // nobody comes early.
  const auto jitter = [this](std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(0, most)(random_);
  };
  if (retry_after) return *retry_after + milliseconds(jitter(policy.delay.count()));
  return milliseconds(jitter(ceiling));
}

auto HttpClient::Session::try_once(const HttpRequest& request, const std::stop_token& stop) -> Answer {
  auto url = Url::parse(request.url);
  bool post = request.method == HttpRequest::Method::post;
  bool token_renewed = false;
  for (int redirects = 0;;) {
    auto answer = exchange(request, url, post, stop);
    if (!answer) return answer;
    if (answer->status == 401 && !token_renewed && belongs_to_source(url) && renew_token()) {
      token_renewed = true;
      count_retry();
      continue;
    }
    if (!is_redirect(*answer)) return answer;
    if (++redirects > settings_.max_redirects) {
      return std::unexpected(Failure{Error(
          ErrorCode::source_limit,
          fmt::format("{} redirects more than {} times", meta::redacted_url(request.url), settings_.max_redirects))});
    }
    if (auto failure = redirect(request, *answer, url, post)) return std::unexpected(*std::move(failure));
  }
}

auto HttpClient::Session::exchange(const HttpRequest& request, const Url& url, bool post, const std::stop_token& stop)
    -> Answer {
  HttpResponse response;
  Hop hop{.url = &url, .request = &request, .post = post, .with_credentials = belongs_to_source(url)};
  auto failure = perform(hop, stop, response);
  if (failure && failure->stale_connection) {
    hop.fresh_connection = true;
    count_retry();
    failure = perform(hop, stop, response);
  }
  if (!failure) return response;
  auto message =
      fmt::format("{} {}: {}", post ? "POST" : "GET", meta::redacted_url(url.text()), one_line(failure->what, 300));
  return std::unexpected(Failure{Error(failure->code, std::move(message), failure->advice), failure->repeat});
}

std::optional<TransferFailure> HttpClient::Session::perform(Hop hop, const std::stop_token& stop,
                                                            HttpResponse& response) {
  Reported request(limiter_, stop);
  ++traffic_.requests;
  const auto begun = std::chrono::steady_clock::now();
  auto failure = transfer_.perform(hop, token_, stop, response);
  source_metrics().seconds.observe({hop.post ? "POST" : "GET"},
                                   std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  request.outcome = outcome_of(failure, response);
  const auto bytes = transfer_.wire_bytes();
  traffic_.bytes += bytes;
  source_metrics().requests.add({status_class(failure ? 0 : response.status)});
  source_metrics().bytes.add({}, static_cast<double>(bytes));
  return failure;
}

void HttpClient::Session::count_retry() {
  ++traffic_.retries;
  source_metrics().retries.add();
}

// Where a redirect leads (RFC 9110 §15.4). A _search is safe, so a POST stays a POST; only 303 asks for a GET.
auto HttpClient::Session::redirect(const HttpRequest& request, const HttpResponse& response, Url& url, bool& post) const
    -> std::optional<Failure> {
  const auto refuse = [&](std::string_view why) {
    return Failure{Error(ErrorCode::source_refused,
                         fmt::format("{} redirects to {}: {}", meta::redacted_url(request.url),
                                     meta::redacted_url(response.location), why),
                         "Set WELLHEAD_SOURCE_URL to where the server really is")};
  };
  Url target;
  try {
    target = url.resolve(response.location);
  } catch (const Error&) {
    return refuse("no http or https URL");
  }
  if (url.secure() && !target.secure()) return refuse("not followed, because it leaves https");
  if (response.status == 303) post = false;
  if (post && target.origin() != url.origin())
    return refuse("not followed, because the search's values would go to another server");
  url = std::move(target);
  return std::nullopt;
}

bool HttpClient::Session::renew_token() {
  const auto& path = settings_.credentials.token_file;
  if (path.empty()) return false;
  auto token = checked_token(read_token(path));
  if (token == token_) return false;
  token_ = std::move(token);
  return true;
}

HttpClient::HttpClient(HttpSettings settings, HttpShare* share, RateLimiter* limiter)
    : session_(std::make_unique<Session>(std::move(settings), share, limiter)) {}

HttpClient::~HttpClient() = default;

HttpResponse HttpClient::send(const HttpRequest& request, const std::stop_token& stop) {
  return session_->send(request, stop);
}

const Traffic& HttpClient::traffic() const { return session_->traffic(); }

const HttpSettings& HttpClient::settings() const { return session_->settings(); }

}  // namespace wellhead::webclient
