#include "library/webserver/tls.h"

#include <openssl/ssl.h>

#include <array>
#include <string_view>
#include <utility>

#include "library/meta/error.h"

namespace wellhead::webserver {
namespace {

namespace ssl = boost::asio::ssl;

constexpr std::chrono::seconds kLookAgain{1};
// RFC 7301 §3.1: a length before each name.
constexpr std::array<unsigned char, 9> kProtocol = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

[[noreturn]] void refuse(const std::string& what, std::string_view why) {
  throw meta::Error(meta::ErrorCode::invalid_setting, what + ": " + std::string(why),
                    "Set WELLHEAD_TLS_CERTIFICATE_FILE to the certificate and those above it, and "
                    "WELLHEAD_TLS_KEY_FILE to its private key, both as PEM");
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char* offered,
                    unsigned int offered_length, void*) {
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, length, kProtocol.data(), kProtocol.size(), offered, offered_length) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

TlsCertificate::TlsCertificate(TlsOptions options)
    : options_(std::move(options)), context_(read()), stamp_(stamp()), looked_at_(std::chrono::steady_clock::now()) {}

TlsCertificate::Stamp TlsCertificate::stamp() const {
  std::error_code none;
  return {std::filesystem::last_write_time(options_.certificate, none),
          std::filesystem::last_write_time(options_.key, none)};
}

TlsContext TlsCertificate::read() const {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
  boost::system::error_code error;
  context->use_certificate_chain_file(options_.certificate.string(), error);
  if (error) refuse("the certificate " + options_.certificate.string() + " is of no use", error.message());
  context->use_private_key_file(options_.key.string(), ssl::context::pem, error);
  if (error) refuse("the key " + options_.key.string() + " is of no use", error.message());
  if (SSL_CTX_check_private_key(native) != 1) {
    refuse("the key " + options_.key.string(), "it is not that of " + options_.certificate.string());
  }
  return context;
}

TlsContext TlsCertificate::current() {
  const std::scoped_lock lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_at_ < kLookAgain) return context_;
  looked_at_ = now;
  const Stamp seen = stamp();
  if (seen == stamp_) return context_;
  // Tried once a change: the other of the two files may be on its way.
  stamp_ = seen;
  try {
    context_ = read();
    if (options_.on_change) options_.on_change({});
  } catch (const meta::Error& error) {
    if (options_.on_change) options_.on_change(error.message());
  }
  return context_;
}

}  // namespace wellhead::webserver
