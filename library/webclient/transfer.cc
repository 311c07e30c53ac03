#include "library/webclient/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "library/meta/logging.h"

namespace wellhead::webclient {
namespace {

using meta::ErrorCode;
using std::chrono::milliseconds;

constexpr long kReceiveBuffer = 256 * 1024;
// Memory set aside for a body of which only the announced length is known; more comes as it arrives.
constexpr std::size_t kMaxReserve = std::size_t{4} << 20;
// Idle connections are not reused after this many seconds; servers close theirs after 30 (HAPI) and more.
constexpr long kMaxIdleSeconds = 25;

void start_libcurl() {
  [[maybe_unused]] static const bool started = [] {
    curl_global_init(CURL_GLOBAL_ALL);
    // A TLS connection that the peer has closed must give an error, not end the process; libcurl leaves the signal to
    // the program when handles are used in threads (CURLOPT_NOSIGNAL).
    struct sigaction current = {};
    if (sigaction(SIGPIPE, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
    return true;
  }();
}

template <class T>
T information(CURL* easy, CURLINFO what) {
  T value{};
  curl_easy_getinfo(easy, what, &value);
  return value;
}

std::string header(CURL* easy, const char* name) {
  curl_header* found = nullptr;
  if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK) return {};
  return found->value;
}

struct CodeMeaning {
  CURLcode curl;
  ErrorCode code;
  bool repeat;
};

constexpr CodeMeaning kMeanings[] = {
    {CURLE_COULDNT_RESOLVE_PROXY, ErrorCode::source_unreachable, true},
    {CURLE_COULDNT_RESOLVE_HOST, ErrorCode::source_unreachable, true},
    {CURLE_COULDNT_CONNECT, ErrorCode::source_unreachable, true},
    {CURLE_SEND_ERROR, ErrorCode::source_unreachable, true},
    {CURLE_RECV_ERROR, ErrorCode::source_unreachable, true},
    {CURLE_GOT_NOTHING, ErrorCode::source_unreachable, true},
    {CURLE_PARTIAL_FILE, ErrorCode::source_unreachable, true},
    {CURLE_HTTP2, ErrorCode::source_unreachable, true},
    {CURLE_HTTP2_STREAM, ErrorCode::source_unreachable, true},
    {CURLE_BAD_CONTENT_ENCODING, ErrorCode::source_unreachable, true},
    {CURLE_OPERATION_TIMEDOUT, ErrorCode::source_timeout, true},
    {CURLE_UNSUPPORTED_PROTOCOL, ErrorCode::source_not_fhir, false},
    {CURLE_WEIRD_SERVER_REPLY, ErrorCode::source_not_fhir, false},
    {CURLE_SSL_CONNECT_ERROR, ErrorCode::source_tls, false},
    {CURLE_PEER_FAILED_VERIFICATION, ErrorCode::source_tls, false},
    {CURLE_SSL_CERTPROBLEM, ErrorCode::source_tls, false},
    {CURLE_SSL_CIPHER, ErrorCode::source_tls, false},
    {CURLE_SSL_CACERT_BADFILE, ErrorCode::source_tls, false},
    {CURLE_SSL_ISSUER_ERROR, ErrorCode::source_tls, false},
    {CURLE_SSL_INVALIDCERTSTATUS, ErrorCode::source_tls, false},
};

std::string_view advice_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::source_unreachable:
      return "Check that the server runs and that WELLHEAD_SOURCE_URL names it";
    case ErrorCode::source_timeout:
      return "If the server is only slow, raise WELLHEAD_READ_TIMEOUT or lower WELLHEAD_PAGE_SIZE";
    case ErrorCode::source_tls:
      return "If a private authority signed the server's certificate, put the authority's certificate (PEM) into "
             "WELLHEAD_SOURCE_CA_FILE";
    case ErrorCode::source_not_fhir:
      return "Check that WELLHEAD_SOURCE_URL names the port of an HTTP server, and http or https as it speaks";
    default:
      return "";
  }
}

}  // namespace

Transfer::Transfer(const HttpSettings& settings, HttpShare* share) : settings_(settings) {
  start_libcurl();
  multi_.reset(curl_multi_init());
  easy_.reset(curl_easy_init());
  if (!multi_ || !easy_) throw meta::Error(ErrorCode::internal, "libcurl could not be started");
  set_fixed_options(share);
}

void Transfer::set_fixed_options(HttpShare* share) {
  CURL* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail_);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, settings_.user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kReceiveBuffer);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, kMaxIdleSeconds);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings_.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(settings_.request_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &Transfer::on_connected);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, this);
  if (!settings_.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, settings_.ca_file.c_str());
  if (settings_.any_server_name) curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  if (share != nullptr) curl_easy_setopt(easy, CURLOPT_SHARE, static_cast<CURLSH*>(share->native()));
}

void Transfer::set_hop_options(const Hop& hop, const std::string& token) {
  CURL* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_URL, hop.url->text().c_str());
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, hop.fresh_connection ? 1L : 0L);
  // A proxy of the environment is not asked for what runs on this machine.
  curl_easy_setopt(easy, CURLOPT_NOPROXY, hop.url->loopback() ? "*" : nullptr);
  const bool compress = settings_.compression == Compression::always ||
                        (settings_.compression == Compression::automatic && !hop.url->loopback());
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, compress ? "gzip, deflate" : nullptr);

  curl_slist* list = nullptr;
  for (const auto& line : hop.request->headers) list = curl_slist_append(list, line.c_str());
  // Whom a redirect leads to elsewhere it does not concern.
  if (const auto trace = meta::current_trace(); trace && hop.with_credentials) {
    list = curl_slist_append(list, ("traceparent: " + trace->child().header()).c_str());
  }
  if (hop.post) {
    list = curl_slist_append(list, ("Content-Type: " + hop.request->content_type).c_str());
    list = curl_slist_append(list, "Expect:");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(hop.request->body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, hop.request->body.data());
  } else {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
  }
  headers_.reset(list);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);

  const bool bearer = hop.with_credentials && !token.empty();
  const bool basic = hop.with_credentials && !bearer && !settings_.credentials.user.empty();
  curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, bearer ? token.c_str() : nullptr);
  curl_easy_setopt(easy, CURLOPT_USERNAME, basic ? settings_.credentials.user.c_str() : nullptr);
  curl_easy_setopt(easy, CURLOPT_PASSWORD, basic ? settings_.credentials.password.c_str() : nullptr);
  curl_easy_setopt(easy, CURLOPT_HTTPAUTH, static_cast<long>(bearer ? CURLAUTH_BEARER : CURLAUTH_BASIC));
}

std::optional<TransferFailure> Transfer::perform(const Hop& hop, const std::string& token, const std::stop_token& stop,
                                                 HttpResponse& response) {
  set_hop_options(hop, token);
  body_.clear();
  detail_[0] = '\0';
  connected_ = false;
  ending_ = Ending::finished;
  run(stop);
  if (ending_ != Ending::finished || code_ != CURLE_OK) return failure();
  last_size_ = body_.size();
  body_.reserve(body_.size() + HttpResponse::kPadding);
  response.body = std::exchange(body_, {});
  response.url = hop.url->text();
  read_headers(response);
  return std::nullopt;
}

std::uint64_t Transfer::wire_bytes() const {
  return static_cast<std::uint64_t>(information<curl_off_t>(easy_.get(), CURLINFO_SIZE_DOWNLOAD_T));
}

void Transfer::run(const std::stop_token& stop) {
  code_ = CURLE_OK;
  curl_multi_add_handle(multi_.get(), easy_.get());
  {
    const std::stop_callback wake(stop, [this] { curl_multi_wakeup(multi_.get()); });
    int running = 1;
    while (true) {
      if (stop.stop_requested()) ending_ = Ending::stopped;
      if (ending_ != Ending::finished) break;
      if (curl_multi_perform(multi_.get(), &running) != CURLM_OK || running == 0) break;
      wait();
    }
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg == CURLMSG_DONE) code_ = message->data.result;
  }
  curl_multi_remove_handle(multi_.get(), easy_.get());
}

void Transfer::wait() {
  milliseconds limit(1000);
  if (connected_) {
    const auto silence = std::chrono::duration_cast<milliseconds>(Clock::now() - last_sign_of_life_);
    if (silence >= settings_.read_timeout) {
      ending_ = Ending::silent;
      return;
    }
    limit = std::min(limit, settings_.read_timeout - silence + milliseconds(1));
  }
  curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(limit.count()), nullptr);
}

int Transfer::on_connected(void* self, char*, char*, int, int) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.connected_ = true;
  transfer.last_sign_of_life_ = Clock::now();
  return CURL_PREREQFUNC_OK;
}

std::size_t Transfer::on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const auto length = size * count;
  if (length >
      transfer.settings_.max_response_bytes - std::min(transfer.body_.size(), transfer.settings_.max_response_bytes)) {
    transfer.ending_ = Ending::too_large;
    return CURL_WRITEFUNC_ERROR;
  }
  try {
    transfer.receive(std::string_view(bytes, length));
  } catch (const std::bad_alloc&) {
    transfer.ending_ = Ending::too_large;
    return CURL_WRITEFUNC_ERROR;
  }
  return length;
}

void Transfer::receive(std::string_view bytes) {
  last_sign_of_life_ = Clock::now();
  if (body_.empty()) {
    const auto announced = information<curl_off_t>(easy_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T);
    const auto expected = announced > 0 ? static_cast<std::size_t>(announced) : last_size_ + last_size_ / 8;
    body_.reserve(std::min(expected, kMaxReserve) + HttpResponse::kPadding);
  }
  body_.append(bytes);
}

void Transfer::read_headers(HttpResponse& response) {
  CURL* easy = easy_.get();
  response.status = static_cast<int>(information<long>(easy, CURLINFO_RESPONSE_CODE));
  response.content_type = header(easy, "Content-Type");
  response.location = header(easy, "Location");
  if (const auto wait = header(easy, "Retry-After"); !wait.empty()) {
    response.retry_after = parse_retry_after(wait, meta::SystemClock().now());
  }
  const auto version = information<long>(easy, CURLINFO_HTTP_VERSION);
  response.delimited = version >= CURL_HTTP_VERSION_2_0 || !header(easy, "Content-Length").empty() ||
                       !header(easy, "Transfer-Encoding").empty();
}

bool Transfer::no_answer_on_used_connection() const {
  return information<long>(easy_.get(), CURLINFO_NUM_CONNECTS) == 0 && connected_ &&
         information<long>(easy_.get(), CURLINFO_HEADER_SIZE) == 0;
}

TransferFailure Transfer::failure() const {
  switch (ending_) {
    case Ending::stopped:
      return {.code = ErrorCode::cancelled, .what = "stopped while waiting for the answer"};
    case Ending::too_large:
      return {.code = ErrorCode::source_limit,
              .what = fmt::format("the answer is larger than {} bytes", settings_.max_response_bytes),
              .advice = "Lower WELLHEAD_PAGE_SIZE or raise WELLHEAD_MAX_RESPONSE_BYTES"};
    case Ending::silent:
      return {.code = ErrorCode::source_timeout,
              .what = fmt::format("no byte for {} ms", settings_.read_timeout.count()),
              .advice = std::string(advice_for(ErrorCode::source_timeout)),
              .repeat = true};
    case Ending::finished:
      break;
  }
  return curl_failure();
}

TransferFailure Transfer::curl_failure() const {
  TransferFailure failure;
  const auto* found = std::ranges::find(kMeanings, code_, &CodeMeaning::curl);
  if (found != std::end(kMeanings)) {
    failure.code = found->code;
    failure.repeat = found->repeat;
  }
  if (code_ == CURLE_SSL_CONNECT_ERROR) {
    // A handshake that was cut off is a lost connection; one that failed will fail again.
    failure.repeat = information<long>(easy_.get(), CURLINFO_OS_ERRNO) == ECONNRESET;
  }
  failure.what = detail_[0] != '\0' ? detail_ : curl_easy_strerror(code_);
  if (failure.code == ErrorCode::source_tls) failure.what = "TLS failed: " + failure.what;
  failure.advice = advice_for(failure.code);
  failure.stale_connection =
      failure.repeat && failure.code == ErrorCode::source_unreachable && no_answer_on_used_connection();
  return failure;
}

}  // namespace wellhead::webclient
