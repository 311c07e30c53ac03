#include "library/storage/blob/object_http.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <exception>
#include <utility>

#include "library/meta/error.h"

namespace wellhead::storage {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr long kBuffer = 256 * 1024;
constexpr long kMaxIdleSeconds = 25;
constexpr std::size_t kMaxBody = std::size_t{16} << 20;
// How long a request may be silent once there is no patience left.
constexpr milliseconds kHurriedSilence{1000};

void start_libcurl() {
  [[maybe_unused]] static const bool started = [] {
    curl_global_init(CURL_GLOBAL_ALL);
    // A TLS connection that the peer has closed must give an error, not end the process.
    struct sigaction current = {};
    if (sigaction(SIGPIPE, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
    return true;
  }();
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

bool is_loopback(std::string_view url) {
  const auto host = url.substr(std::min(url.find("://"), url.size() - 3) + 3);
  return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

bool is_tls(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CONNECT_ERROR:
      return true;
    default:
      return false;
  }
}

bool is_lost(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string ObjectAnswer::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

void Patience::set(milliseconds patience) {
  const std::lock_guard lock(mutex_);
  patience_ = patience;
  changed_.notify_all();
}

milliseconds Patience::get() const {
  const std::lock_guard lock(mutex_);
  return patience_;
}

bool Patience::sleep(milliseconds time, Clock::time_point since, milliseconds limit) {
  std::unique_lock lock(mutex_);
  const auto wake = Clock::now() + time;
  const auto over = [&] { return wake > since + std::min(limit, patience_); };
  return !changed_.wait_until(lock, wake, over);
}

// One easy handle with its connection.
class ObjectHttp::Connection {
 public:
  Connection(const ObjectStoreSettings& settings, const Patience& patience)
      : settings_(settings), patience_(patience), easy_(curl_easy_init()) {
    if (!easy_) throw meta::Error(meta::ErrorCode::internal, "libcurl could not be started");
  }

  std::optional<ObjectFailure> perform(const ObjectRequest& request, ObjectAnswer& answer,
                                       const std::function<void(std::string_view)>& receive) {
    request_ = &request;
    answer_ = &answer;
    receive_ = receive ? &receive : nullptr;
    sent_ = 0;
    ending_ = Ending::finished;
    thrown_ = nullptr;
    detail_[0] = '\0';
    moved_ = Clock::now();
    curl_easy_reset(easy_.get());  // keeps the connection
    set_options();
    const auto code = curl_easy_perform(easy_.get());
    if (thrown_) std::rethrow_exception(thrown_);
    if (code != CURLE_OK) return failure(code);
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    answer.status = static_cast<int>(status);
    return std::nullopt;
  }

 private:
  enum class Ending { finished, silent, stopped, too_large };

  void set_options() {
    CURL* easy = easy_.get();
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail_);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "wellhead");
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kBuffer);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, kBuffer);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, kMaxIdleSeconds);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings_.connect_timeout.count()));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Connection::on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Connection::on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, &Connection::on_progress);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, this);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_URL, request_->url.c_str());
    // A proxy of the environment is not asked for what runs on this machine.
    if (is_loopback(request_->url)) curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    if (!settings_.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, settings_.ca_file.c_str());
    if (!request_->signature.empty()) {
      curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, request_->signature.c_str());
      curl_easy_setopt(easy, CURLOPT_USERNAME, request_->user.c_str());
      curl_easy_setopt(easy, CURLOPT_PASSWORD, request_->password.c_str());
    }
    set_method();
    // No "Expect:" to be rid of that header: libcurl 7.88 would sign it. A large body waits for the store's word
    // instead, and is not sent when the blob is there already.
    curl_slist* list = nullptr;
    for (const auto& line : request_->headers) list = curl_slist_append(list, line.c_str());
    headers_.reset(list);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
  }

  void set_method() {
    CURL* easy = easy_.get();
    const auto& method = request_->method;
    if (method == "PUT") {
      curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
      curl_easy_setopt(easy, CURLOPT_READFUNCTION, &Connection::on_read);
      curl_easy_setopt(easy, CURLOPT_READDATA, this);
      curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, &Connection::on_seek);
      curl_easy_setopt(easy, CURLOPT_SEEKDATA, this);
      curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(body_bytes()));
    } else if (method == "POST") {
      curl_easy_setopt(easy, CURLOPT_POST, 1L);
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_->text.size()));
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_->text.data());
    } else if (method == "HEAD") {
      curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (method != "GET") {
      curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method.c_str());
    }
  }

  std::uint64_t body_bytes() const { return request_->spool != nullptr ? request_->length : request_->text.size(); }

  std::size_t read(char* to, std::size_t room) {
    const auto left = body_bytes() - sent_;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(room, left));
    const auto got = request_->spool != nullptr ? request_->spool->read_at(request_->offset + sent_, to, wanted)
                                                : request_->text.copy(to, wanted, static_cast<std::size_t>(sent_));
    sent_ += got;
    moved_ = Clock::now();
    return got;
  }

  bool take(std::string_view bytes) {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    answer_->status = static_cast<int>(status);
    if (receive_ != nullptr && answer_->good()) {
      (*receive_)(bytes);
    } else if (answer_->body.size() + bytes.size() <= kMaxBody) {
      answer_->body.append(bytes);
    } else {
      ending_ = Ending::too_large;
      return false;
    }
    moved_ = Clock::now();  // after the receiver, whose time is not the store's silence
    return true;
  }

  bool silent_too_long() {
    const auto silence = Clock::now() - moved_;
    if (patience_.hurried() && silence > kHurriedSilence) ending_ = Ending::stopped;
    if (silence > settings_.silence) ending_ = Ending::silent;
    return ending_ != Ending::finished;
  }

  ObjectFailure failure(CURLcode code) const {
    switch (ending_) {
      case Ending::silent:
        return {.what = fmt::format("no byte for {} s", settings_.silence.count() / 1000),
                .advice = "Look at the store's own log, and at the network to it",
                .repeat = true};
      case Ending::stopped:
        return {.what = "stopped while waiting for the store", .advice = {}, .repeat = true};
      case Ending::too_large:
        return {.what = "the answer is too large for a blob store's", .advice = {}, .repeat = false};
      case Ending::finished:
        break;
    }
    ObjectFailure failure;
    failure.what = detail_[0] != '\0' ? detail_ : curl_easy_strerror(code);
    if (is_tls(code)) {
      long number = 0;
      curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &number);
      failure.repeat = code == CURLE_SSL_CONNECT_ERROR && number == ECONNRESET;
      failure.what = "TLS failed: " + failure.what;
      failure.advice =
          "If a private authority signed the store's certificate, put the authority's certificate (PEM) into "
          "AWS_CA_BUNDLE";
    } else {
      failure.repeat = is_lost(code);
      failure.advice = "Check that the store runs and that its address is right, and http or https as it speaks";
    }
    return failure;
  }

  // Nothing may be thrown through libcurl: kept, and thrown when it has returned.
  template <class Action>
  auto guarded(Action action, decltype(action()) otherwise) -> decltype(action()) {
    try {
      return action();
    } catch (...) {
      thrown_ = std::current_exception();
      return otherwise;
    }
  }

  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& connection = *static_cast<Connection*>(self);
    const auto length = size * count;
    const bool taken = connection.guarded([&] { return connection.take({bytes, length}); }, false);
    return taken ? length : CURL_WRITEFUNC_ERROR;
  }

  static std::size_t on_read(char* to, std::size_t size, std::size_t count, void* self) {
    auto& connection = *static_cast<Connection*>(self);
    return connection.guarded([&] { return connection.read(to, size * count); }, std::size_t{CURL_READFUNC_ABORT});
  }

  static int on_seek(void* self, curl_off_t offset, int origin) {
    if (origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
    static_cast<Connection*>(self)->sent_ = static_cast<std::uint64_t>(offset);
    return CURL_SEEKFUNC_OK;
  }

  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* self) {
    auto& connection = *static_cast<Connection*>(self);
    const std::string_view line(bytes, size * count);
    connection.moved_ = Clock::now();
    const bool kept = connection.guarded(
        [&] {
          if (line.starts_with("HTTP/")) connection.answer_->headers.clear();
          const auto colon = line.find(':');
          if (colon != std::string_view::npos)
            connection.answer_->headers.insert_or_assign(lower(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
          return true;
        },
        false);
    return kept ? line.size() : 0;
  }

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Connection*>(self)->silent_too_long() ? 1 : 0;
  }

  const ObjectStoreSettings& settings_;
  const Patience& patience_;
  std::unique_ptr<CURL, FreeEasy> easy_;
  std::unique_ptr<curl_slist, FreeList> headers_;
  const ObjectRequest* request_ = nullptr;
  ObjectAnswer* answer_ = nullptr;
  const std::function<void(std::string_view)>* receive_ = nullptr;
  std::uint64_t sent_ = 0;
  Ending ending_ = Ending::finished;
  std::exception_ptr thrown_;
  Clock::time_point moved_;  // when bytes last came or went
  char detail_[CURL_ERROR_SIZE] = {};
};

ObjectHttp::ObjectHttp(const ObjectStoreSettings& settings, const Patience& patience)
    : settings_(settings), patience_(patience) {
  start_libcurl();
}

ObjectHttp::~ObjectHttp() = default;

std::unique_ptr<ObjectHttp::Connection> ObjectHttp::borrow() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Connection>(settings_, patience_);
  auto connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

std::optional<ObjectFailure> ObjectHttp::perform(const ObjectRequest& request, ObjectAnswer& answer,
                                                 const std::function<void(std::string_view)>& receive) {
  answer = {};
  auto connection = borrow();
  // A connection whose receiver threw is not given back: it may hold half an answer.
  auto failure = connection->perform(request, answer, receive);
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(connection));
  return failure;
}

}  // namespace wellhead::storage
