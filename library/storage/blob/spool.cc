#include "library/storage/blob/spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "library/meta/digest.h"
#include "library/meta/error.h"
#include "library/storage/blob/signature.h"

namespace wellhead::storage {
namespace {

constexpr std::size_t kSpoolPiece = 64 * 1024;

// The environment's as it is: temp_directory_path() fails when it is not there, which open tells better.
std::string directory() {
  const char* chosen = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nothing here changes the environment
  return chosen != nullptr && *chosen != '\0' ? chosen : "/tmp";
}

[[noreturn]] void fail(int error, std::string_view what) {
  throw meta::Error(meta::ErrorCode::blob_store_failed,
                    fmt::format("{} the temporary file of a blob in {} failed: {}", what, directory(),
                                std::generic_category().message(error)),
                    "Free disk space there, or set TMPDIR to a directory with room for the blobs being written");
}

template <class Update>
void read_pieces(const Spool& spool, std::uint64_t offset, std::uint64_t length, const Update& update) {
  std::vector<char> piece(kSpoolPiece);
  while (length > 0) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), length));
    const auto got = spool.read_at(offset, piece.data(), wanted);
    if (got == 0) return;
    update(std::string_view(piece.data(), got));
    offset += got;
    length -= got;
  }
}

int open_unnamed() {
  auto name = directory() + "/wellhead-blob-XXXXXX";
  const int descriptor = mkostemp(name.data(), O_CLOEXEC);
  if (descriptor < 0) fail(errno, "making");
  ::unlink(name.c_str());
  return descriptor;
}

}  // namespace

Spool::~Spool() {
  if (descriptor_ >= 0) close(descriptor_);
}

void Spool::write(std::string_view bytes) {
  size_ += bytes.size();
  if (buffer_.size() + bytes.size() > memory_) {
    if (descriptor_ < 0) descriptor_ = open_unnamed();
    flush();
  }
  buffer_.append(bytes);
  if (buffer_.size() > memory_) flush();
}

void Spool::flush() {
  std::string_view left = buffer_;
  while (!left.empty()) {
    const auto written = ::write(descriptor_, left.data(), left.size());
    if (written > 0) {
      left.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      fail(errno, "writing");
    }
  }
  buffer_.clear();
}

std::size_t Spool::read_at(std::uint64_t offset, char* to, std::size_t length) const {
  if (offset >= size_) return 0;
  length = static_cast<std::size_t>(std::min<std::uint64_t>(length, size_ - offset));
  const auto in_file = size_ - buffer_.size();
  std::size_t filled = 0;
  while (filled < length && offset + filled < in_file) {
    const auto wanted = std::min<std::uint64_t>(length - filled, in_file - offset - filled);
    const auto got = pread(descriptor_, to + filled, wanted, static_cast<off_t>(offset + filled));
    if (got > 0) {
      filled += static_cast<std::size_t>(got);
    } else if (got == 0 || errno != EINTR) {
      fail(got == 0 ? EIO : errno, "reading");
    }
  }
  if (filled < length) buffer_.copy(to + filled, length - filled, static_cast<std::size_t>(offset + filled - in_file));
  return length;
}

std::string Spool::sha256(std::uint64_t offset, std::uint64_t length) const {
  meta::Sha256 digest;
  read_pieces(*this, offset, length, [&](std::string_view piece) { digest.update(piece); });
  return digest.finish();
}

std::string Spool::md5(std::uint64_t offset, std::uint64_t length) const {
  Md5 digest;
  read_pieces(*this, offset, length, [&](std::string_view piece) { digest.update(piece); });
  return digest.finish();
}

}  // namespace wellhead::storage
