// An HTTP/1.1 server for tests, on a port of 127.0.0.1: a handler says for each request what goes back over the wire,
// including what no well-behaved server does. With a certificate it speaks TLS.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace wellhead::webclient::testing {

struct Received {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  int connection = 0;     // from 1
  int on_connection = 0;  // from 1: which request of its connection
};

struct Reply {
  enum class Framing { content_length, chunked, until_close };
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Framing framing = Framing::content_length;
  std::size_t cut_after = std::string::npos;  // bytes of the body that are really sent before the connection ends
  bool drop = false;                          // no answer: the connection ends after the request
  bool reset = false;                         // it ends with RST instead of FIN
  bool close_silently = false;                // a whole answer, then the connection ends without having said so
  bool hang = false;                          // after cut_after bytes nothing more comes, and the connection stays open
};

// A self-signed certificate for 127.0.0.1 and localhost, made anew.
struct Certificate {
  Certificate();
  std::string pem;
  std::string key_pem;
};

class ScriptedServer {
 public:
  using Handler = std::function<Reply(const Received&)>;
  explicit ScriptedServer(Handler handler, const Certificate* certificate = nullptr);
  ~ScriptedServer();

  std::string url() const;  // http://127.0.0.1:port or https://…
  int port() const { return port_; }
  std::vector<Received> received() const;
  int connections() const { return connection_count_; }
  // What the last TLS client offered by ALPN, e.g. "h2,http/1.1"; read after its request was answered.
  std::string alpn_offer() const;

 private:
  class Connection;
  void use_certificate(const Certificate& certificate);
  void accept_all();
  void serve(int socket, int number);
  bool readable(int socket) const;

  Handler handler_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> tls_{nullptr, &SSL_CTX_free};
  int listener_ = -1;
  int port_ = 0;
  int wake_read_ = -1;  // becomes readable when the server stops
  int wake_write_ = -1;
  mutable std::mutex mutex_;
  std::vector<Received> received_;
  std::string alpn_offer_;
  std::vector<std::thread> threads_;
  std::atomic<int> connection_count_{0};
  std::thread acceptor_;
};

}  // namespace wellhead::webclient::testing
