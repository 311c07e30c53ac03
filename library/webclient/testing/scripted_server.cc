#include "library/webclient/testing/scripted_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <stdexcept>

namespace wellhead::webclient::testing {
namespace {

void require(bool held, const char* what) {
  if (!held) throw std::runtime_error(what);
}

std::optional<Received> parse_head(std::string_view head) {
  Received request;
  const auto first_line = head.substr(0, head.find("\r\n"));
  const auto method_end = first_line.find(' ');
  const auto target_end = first_line.rfind(' ');
  if (method_end == std::string_view::npos || target_end <= method_end) return std::nullopt;
  request.method = first_line.substr(0, method_end);
  request.target = first_line.substr(method_end + 1, target_end - method_end - 1);
  head.remove_prefix(first_line.size() + 2);
  while (!head.empty()) {
    const auto line = head.substr(0, head.find("\r\n"));
    const auto colon = line.find(": ");
    if (colon != std::string_view::npos) {
      std::string name(line.substr(0, colon));
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
      request.headers[name] = line.substr(colon + 2);
    }
    head.remove_prefix(std::min(line.size() + 2, head.size()));
  }
  return request;
}

std::string head_of(const Reply& reply) {
  auto head = fmt::format("HTTP/1.1 {} Scripted\r\n", reply.status);
  for (const auto& [name, value] : reply.headers) head += fmt::format("{}: {}\r\n", name, value);
  if (reply.framing == Reply::Framing::content_length) head += fmt::format("Content-Length: {}\r\n", reply.body.size());
  if (reply.framing == Reply::Framing::chunked) head += "Transfer-Encoding: chunked\r\n";
  if (reply.framing == Reply::Framing::until_close) head += "Connection: close\r\n";
  return head + "\r\n";
}

std::string framed_body(const Reply& reply) {
  const bool whole = reply.cut_after >= reply.body.size();
  auto body = reply.body.substr(0, reply.cut_after);
  if (reply.framing != Reply::Framing::chunked) return body;
  return fmt::format("{:x}\r\n{}\r\n{}", reply.body.size(), body, whole ? "0\r\n\r\n" : "");
}

int remember_alpn(SSL*, const unsigned char**, unsigned char*, const unsigned char* in, unsigned length, void* offer) {
  std::string& names = *static_cast<std::string*>(offer);
  names.clear();
  for (unsigned i = 0; i < length; i += in[i] + 1U) {
    if (!names.empty()) names.push_back(',');
    names.append(reinterpret_cast<const char*>(in) + i + 1, in[i]);
  }
  return SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

// One accepted socket, plain or TLS.
class ScriptedServer::Connection {
 public:
  Connection(ScriptedServer& server, int socket) : server_(server), socket_(socket) {
    if (server_.tls_) {
      tls_.reset(SSL_new(server_.tls_.get()));
      SSL_set_fd(tls_.get(), socket_);
    }
  }
  ~Connection() {
    tls_.reset();
    close(socket_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool handshake() {
    if (!tls_) return true;
    return server_.readable(socket_) && SSL_accept(tls_.get()) == 1;
  }

  std::optional<Received> read_request() {
    while (buffer_.find("\r\n\r\n") == std::string::npos) {
      if (!read_more()) return std::nullopt;
      if (std::isupper(static_cast<unsigned char>(buffer_[0])) == 0) {  // a TLS handshake, say
        write("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        return std::nullopt;
      }
    }
    const auto end = buffer_.find("\r\n\r\n");
    auto request = parse_head(std::string_view(buffer_).substr(0, end + 2));
    if (!request) return std::nullopt;
    const auto length =
        request->headers.contains("content-length") ? std::stoul(request->headers["content-length"]) : 0;
    while (buffer_.size() < end + 4 + length) {
      if (!read_more()) return std::nullopt;
    }
    request->body = buffer_.substr(end + 4, length);
    buffer_.erase(0, end + 4 + length);
    return request;
  }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = tls_ ? SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()))
                             : static_cast<int>(send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  void reset_on_close() const {
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

  void wait_for_end() {
    char ignored[256];
    while (server_.readable(socket_) && recv(socket_, ignored, sizeof ignored, 0) > 0) {
    }
  }

 private:
  bool read_more() {
    char bytes[4096];
    const bool buffered = tls_ && SSL_pending(tls_.get()) > 0;
    if (!buffered && !server_.readable(socket_)) return false;
    const auto count =
        tls_ ? SSL_read(tls_.get(), bytes, sizeof bytes) : static_cast<int>(recv(socket_, bytes, sizeof bytes, 0));
    if (count <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(count));
    return true;
  }

  ScriptedServer& server_;
  int socket_;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_{nullptr, &SSL_free};
  std::string buffer_;
};

ScriptedServer::ScriptedServer(Handler handler, const Certificate* certificate) : handler_(std::move(handler)) {
  int wake[2];
  require(pipe(wake) == 0, "pipe");
  wake_read_ = wake[0];
  wake_write_ = wake[1];
  if (certificate != nullptr) use_certificate(*certificate);
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  socklen_t size = sizeof address;
  require(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
  require(listen(listener_, 64) == 0, "listen");
  require(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
  close(wake_write_);
  acceptor_.join();
  for (auto& thread : threads_) thread.join();
  close(listener_);
  close(wake_read_);
}

void ScriptedServer::use_certificate(const Certificate& certificate) {
  tls_.reset(SSL_CTX_new(TLS_server_method()));
  const std::unique_ptr<BIO, decltype(&BIO_free)> pem(BIO_new_mem_buf(certificate.pem.data(), -1), &BIO_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> key_pem(BIO_new_mem_buf(certificate.key_pem.data(), -1), &BIO_free);
  X509* x509 = PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(key_pem.get(), nullptr, nullptr, nullptr);
  SSL_CTX_use_certificate(tls_.get(), x509);
  SSL_CTX_use_PrivateKey(tls_.get(), key);
  X509_free(x509);
  EVP_PKEY_free(key);
  SSL_CTX_set_alpn_select_cb(tls_.get(), &remember_alpn, &alpn_offer_);
}

std::string ScriptedServer::url() const { return fmt::format("{}://127.0.0.1:{}", tls_ ? "https" : "http", port_); }

std::vector<Received> ScriptedServer::received() const {
  const std::lock_guard lock(mutex_);
  return received_;
}

std::string ScriptedServer::alpn_offer() const {
  const std::lock_guard lock(mutex_);  // taken after the handshake by the thread that wrote it
  return alpn_offer_;
}

bool ScriptedServer::readable(int socket) const {
  pollfd waiting[] = {{socket, POLLIN, 0}, {wake_read_, POLLIN, 0}};
  poll(waiting, 2, -1);
  return waiting[1].revents == 0;
}

void ScriptedServer::accept_all() {
  while (readable(listener_)) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    const int number = ++connection_count_;
    threads_.emplace_back([this, socket, number] { serve(socket, number); });
  }
}

void ScriptedServer::serve(int socket, int number) {
  Connection connection(*this, socket);
  if (!connection.handshake()) return;
  for (int count = 1;; ++count) {
    auto request = connection.read_request();
    if (!request) return;
    request->connection = number;
    request->on_connection = count;
    {
      const std::lock_guard lock(mutex_);
      received_.push_back(*request);
    }
    const auto reply = handler_(*request);
    if (reply.reset) connection.reset_on_close();
    if (reply.drop) return;
    connection.write(head_of(reply) + framed_body(reply));
    if (reply.hang) connection.wait_for_end();
    const bool whole = reply.cut_after >= reply.body.size();
    if (!whole || reply.close_silently || reply.framing == Reply::Framing::until_close) return;
  }
}

Certificate::Certificate() {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> x509(X509_new(), &X509_free);
  X509_set_version(x509.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), 3600);
  X509_set_pubkey(x509.get(), key.get());
  X509_NAME* name = X509_get_subject_name(x509.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(x509.get(), name);
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  X509_add_ext(x509.get(), names, -1);
  X509_EXTENSION_free(names);
  require(X509_sign(x509.get(), key.get(), EVP_sha256()) > 0, "X509_sign");
  const auto text = [](BIO* bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio, &data);
    return std::string(data, static_cast<std::size_t>(size));
  };
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_X509(out.get(), x509.get());
  pem = text(out.get());
  const std::unique_ptr<BIO, decltype(&BIO_free)> key_out(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  key_pem = text(key_out.get());
}

}  // namespace wellhead::webclient::testing
