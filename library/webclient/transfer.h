// One HTTP request and its answer over libcurl, without retries, redirects or waiting. Private to library/webclient.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "library/webclient/http.h"
#include "library/webclient/url.h"

namespace wellhead::webclient {

// Why a request got no answer. repeat: the same request may well succeed in a moment.
struct TransferFailure {
  meta::ErrorCode code = meta::ErrorCode::internal;
  std::string what;
  std::string advice;
  bool repeat = false;
  // The connection had been used before and broke before the first byte of an answer: the server closed it while idle.
  bool stale_connection = false;
};

// What one hop of a request carries; all of it outlives the call.
struct Hop {
  const Url* url = nullptr;
  const HttpRequest* request = nullptr;
  bool post = false;
  bool with_credentials = false;
  bool fresh_connection = false;
};

class Transfer {
 public:
  Transfer(const HttpSettings& settings, HttpShare* share);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // token: bearer token, or empty for user and password of the settings (when they are set).
  std::optional<TransferFailure> perform(const Hop& hop, const std::string& token, const std::stop_token& stop,
                                         HttpResponse& response);
  // Bytes of the last body as they came over the wire.
  std::uint64_t wire_bytes() const;

 private:
  enum class Ending { finished, stopped, silent, too_large };
  using Clock = std::chrono::steady_clock;

  void set_fixed_options(HttpShare* share);
  void set_hop_options(const Hop& hop, const std::string& token);
  void run(const std::stop_token& stop);
  void wait();
  void receive(std::string_view bytes);
  void read_headers(HttpResponse& response);
  TransferFailure failure() const;
  TransferFailure curl_failure() const;
  bool no_answer_on_used_connection() const;

  static std::size_t on_body(char* bytes, std::size_t size, std::size_t count, void* self);
  static int on_connected(void* self, char*, char*, int, int);

  struct CleanMulti {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
  };
  struct CleanEasy {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };
  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  const HttpSettings& settings_;
  // The easy handle goes before the multi handle that owns its connections.
  std::unique_ptr<CURLM, CleanMulti> multi_;
  std::unique_ptr<CURL, CleanEasy> easy_;
  std::unique_ptr<curl_slist, FreeList> headers_;
  std::string body_;
  std::size_t last_size_ = 0;
  Clock::time_point last_sign_of_life_;
  bool connected_ = false;
  Ending ending_ = Ending::finished;
  CURLcode code_ = CURLE_OK;
  char detail_[CURL_ERROR_SIZE] = {};
};

}  // namespace wellhead::webclient
