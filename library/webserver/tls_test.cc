// TLS, and certificates that are renewed while the server runs.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "library/meta/error.h"
#include "library/webserver/testing/web_server.h"
#include "tests/fixture/certificate.h"
#include "tests/fixture/directory.h"
#include "tests/fixture/wait.h"

namespace wellhead::webserver {
namespace {

using ::testing::HasSubstr;
using testing::RawClient;

// One connection by TLS, which believes every certificate.
class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, int version = TLS1_3_VERSION)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_max_proto_version(context_.get(), version);
    SSL_CTX_set_security_level(context_.get(), 0);  // what is too old is for the server to refuse
    const timeval limit{10, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), socket_);
    connected_ = SSL_connect(ssl_.get()) == 1;
  }
  ~TlsClient() {
    ssl_.reset();
    ::close(socket_);
  }
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool connected() const { return connected_; }
  std::string protocol() const { return SSL_get_version(ssl_.get()); }
  std::string subject() const {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl_.get()), X509_free);
    char name[200] = {};
    X509_NAME_oneline(X509_get_subject_name(certificate.get()), name, sizeof name);
    return name;
  }
  void send(const std::string& text) { SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())); }
  // Until the server closes.
  std::string read_to_end() {
    std::string all;
    char piece[16384];
    for (int got = 0; (got = SSL_read(ssl_.get(), piece, sizeof piece)) > 0;)
      all.append(piece, static_cast<std::size_t>(got));
    closed_well_ = (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    return all;
  }
  bool closed_well() const { return closed_well_; }

 private:
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
  int socket_;
  bool connected_ = false;
  bool closed_well_ = false;
};

class Tls : public testing::WebServer {
 protected:
  Tls() {
    make_certificate("first");
    options_.tls =
        TlsOptions{.certificate = directory_.path() / "cert.pem",
                   .key = directory_.path() / "key.pem",
                   .on_change = [this](const std::string& problem) { ++(problem.empty() ? renewed_ : refused_); }};
  }
  void make_certificate(const std::string& name) const {
    fixture::make_self_signed({directory_.path() / "new_cert.pem", directory_.path() / "new_key.pem"}, name);
    std::filesystem::rename(directory_.path() / "new_key.pem", directory_.path() / "key.pem");
    std::filesystem::rename(directory_.path() / "new_cert.pem", directory_.path() / "cert.pem");
  }
  static std::string request(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  }

  fixture::TestDirectory directory_;
  std::atomic<int> renewed_ = 0;
  std::atomic<int> refused_ = 0;
};

TEST_F(Tls, ServesRequestsAndClosesWell) {
  TlsClient client(port());
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.protocol(), "TLSv1.3");
  client.send("GET /echo/1 HTTP/1.1\r\nHost: a\r\n\r\n" + request("/echo/2"));
  const std::string answers = client.read_to_end();
  EXPECT_THAT(answers, HasSubstr("1/-/10"));
  EXPECT_THAT(answers, HasSubstr("2/-/10"));
  EXPECT_THAT(answers, HasSubstr("Strict-Transport-Security: max-age=31536000\r\n"));
  EXPECT_TRUE(client.closed_well());
  TlsClient large(port());
  large.send(request("/large"));
  EXPECT_GT(large.read_to_end().size(), 8U << 20);
}

TEST_F(Tls, SpeaksNoOlderVersionThan12) {
  EXPECT_EQ(TlsClient(port(), TLS1_2_VERSION).protocol(), "TLSv1.2");
  EXPECT_FALSE(TlsClient(port(), TLS1_1_VERSION).connected());
}

// A connection that is cut off in the midst of an answer ends without a word of TLS: nobody takes the part for whole.
TEST_F(Tls, StopsWithConnectionsOpen) {
  TlsClient idle(port());
  ASSERT_TRUE(idle.connected());
  TlsClient stuck(port());
  for (int i = 0; i < 4; ++i) stuck.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  options_.stop_limit = std::chrono::milliseconds(100);
  server_->stop();
  EXPECT_EQ(idle.read_to_end(), "");
}

TEST_F(Tls, GivesUpOnWhoDoesNotShakeHands) {
  options_.limits.header_time = std::chrono::milliseconds(100);
  RawClient silent(port());
  EXPECT_EQ(silent.read_to_end(), "");
  RawClient plain(port());
  plain.send(request("/echo/1"));
  EXPECT_THAT(plain.read_to_end(), ::testing::Not(HasSubstr("HTTP/1.1")));
  EXPECT_TRUE(TlsClient(port()).connected());
}

TEST_F(Tls, TakesARenewedCertificateWithoutARestart) {
  EXPECT_EQ(TlsClient(port()).subject(), "/CN=first");
  TlsClient old(port());
  make_certificate("second");
  fixture::wait_until([&] { return TlsClient(port()).subject() == "/CN=second"; });
  EXPECT_GE(renewed_, 1);
  old.send(request("/echo/1"));
  EXPECT_THAT(old.read_to_end(), HasSubstr("1/-/10"));
  // Whatever is of no use leaves the one before in place.
  std::ofstream(directory_.path() / "cert.pem") << "nonsense";
  fixture::wait_until([&] {
    EXPECT_EQ(TlsClient(port()).subject(), "/CN=second");
    return refused_ > 0;
  });
  make_certificate("third");
  fixture::wait_until([&] { return TlsClient(port()).subject() == "/CN=third"; });
}

TEST_F(Tls, SaysWhichFileIsOfNoUse) {
  options_.tls->key = directory_.path() / "none.pem";
  Server server(table_, options_);
  try {
    server.start();
    FAIL();
  } catch (const meta::Error& error) {
    EXPECT_EQ(error.code(), meta::ErrorCode::invalid_setting);
    EXPECT_THAT(error.message(), HasSubstr("none.pem"));
  }
}

}  // namespace
}  // namespace wellhead::webserver
