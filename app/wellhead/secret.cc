#include "app/wellhead/secret.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

#include "library/meta/access_settings.h"
#include "library/meta/error.h"
#include "library/security/secret.h"

namespace wellhead::app {
namespace {

constexpr std::size_t kLeastBytes = 32;

[[noreturn]] void fail(const std::filesystem::path& file, std::string_view why) {
  throw meta::Error(meta::ErrorCode::invalid_setting, fmt::format("the secret in {} {}", file.string(), why),
                    "Set WELLHEAD_SECRET_FILE to a file with at least 32 random characters");
}

std::string read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string secret((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in.is_open() || in.bad()) fail(file, "cannot be read");
  while (secret.ends_with('\n')) secret.pop_back();
  return secret;
}

// Whoever makes it first wins; nobody reads half of one.
void make(const std::filesystem::path& file) {
  std::error_code ignored;
  std::filesystem::create_directories(file.parent_path(), ignored);
  const auto mine = file.string() + "." + std::to_string(::getpid());
  const int descriptor = ::open(mine.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) fail(file, fmt::format("cannot be made: {}", std::strerror(errno)));
  const std::string secret = security::to_base64url(security::random_bytes(kLeastBytes)) + "\n";
  const bool written = ::write(descriptor, secret.data(), secret.size()) == static_cast<ssize_t>(secret.size()) &&
                       ::fsync(descriptor) == 0;
  ::close(descriptor);
  const bool there = written && (::link(mine.c_str(), file.c_str()) == 0 || errno == EEXIST);
  ::unlink(mine.c_str());
  if (!there) fail(file, "cannot be made");
}

}  // namespace

std::string installation_secret(const meta::Settings& settings) {
  std::string secret = settings.get(meta::setting::kSecret);
  const auto file = std::filesystem::path(settings.get(meta::setting::kHome)) / "secret";
  if (secret.empty()) {
    if (!std::filesystem::exists(file)) make(file);
    secret = read(file);
  }
  if (secret.size() < kLeastBytes) fail(file, "is shorter than 32 bytes");
  return secret;
}

std::unique_ptr<erasure::ErasureKey> erasure_key(const meta::Settings& settings) {
  try {
    return std::make_unique<erasure::ErasureKey>(installation_secret(settings));
  } catch (const meta::Error& error) {
    spdlog::debug("there is no secret to erase patients by: {}", error.message());
    return nullptr;
  }
}

}  // namespace wellhead::app
