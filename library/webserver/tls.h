// A server's certificate. Its files are looked at again now and then, so that a renewed certificate is taken for new
// connections without a restart; one that is of no use leaves the old one in place. Internal to the server.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "library/webserver/server.h"

namespace wellhead::webserver {

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

class TlsCertificate {
 public:
  // Reads the files. Error{invalid_setting} when they are no certificate with its key.
  explicit TlsCertificate(TlsOptions options);

  // For the next connection. Looks at the files' times, at most once a second.
  TlsContext current();

 private:
  struct Stamp {
    std::filesystem::file_time_type certificate, key;
    bool operator==(const Stamp&) const = default;
  };
  Stamp stamp() const;
  TlsContext read() const;

  TlsOptions options_;
  std::mutex mutex_;
  TlsContext context_;
  Stamp stamp_;
  std::chrono::steady_clock::time_point looked_at_;
};

}  // namespace wellhead::webserver
