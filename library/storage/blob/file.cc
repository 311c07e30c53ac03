#include "library/storage/blob/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "library/meta/error.h"

namespace wellhead::storage {
namespace {

std::string advice_of(int error, const std::filesystem::path& root) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return fmt::format("Free disk space under {} or point WELLHEAD_BLOB_URL to a larger disk, then load again",
                         root.string());
    case EACCES:
    case EPERM:
    case EROFS:
      return fmt::format("Let this user write to {}, or point WELLHEAD_BLOB_URL to a directory it may write to",
                         root.string());
    default:
      return fmt::format("Check the disk under {}, or point WELLHEAD_BLOB_URL to another", root.string());
  }
}

}  // namespace

void fail_in_store(int error, const std::filesystem::path& root, std::string_view what) {
  throw meta::Error(
      meta::ErrorCode::blob_store_failed,
      fmt::format("blob store file://{}: {} failed: {}", root.string(), what, std::generic_category().message(error)),
      advice_of(error, root));
}

File::File(const std::filesystem::path& root, const std::filesystem::path& path, int flags)
    : root_(root), path_(path), descriptor_(open(path.c_str(), flags | O_CLOEXEC, 0640)) {
  if (descriptor_ >= 0) return;
  missing_ = errno == ENOENT && (flags & O_CREAT) == 0;
  if (!missing_) fail_in_store(errno, root_, "opening " + path.lexically_relative(root).string());
}

File::~File() {
  if (descriptor_ >= 0) close(descriptor_);
}

void File::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      fail_in_store(errno, root_, "writing " + path_.lexically_relative(root_).string());
    }
  }
}

std::string File::read_at(std::uint64_t offset, std::size_t length) const {
  std::string bytes(length, '\0');
  std::size_t filled = 0;
  while (filled < length) {
    const auto got = pread(descriptor_, bytes.data() + filled, length - filled, static_cast<off_t>(offset + filled));
    if (got == 0) break;
    if (got > 0) {
      filled += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      fail_in_store(errno, root_, "reading " + path_.lexically_relative(root_).string());
    }
  }
  bytes.resize(filled);
  return bytes;
}

std::uint64_t File::size() const {
  struct stat status = {};
  if (fstat(descriptor_, &status) != 0) fail_in_store(errno, root_, "reading the size of " + path_.filename().string());
  return static_cast<std::uint64_t>(status.st_size);
}

void File::sync() {
  if (fsync(descriptor_) != 0) fail_in_store(errno, root_, "syncing " + path_.lexically_relative(root_).string());
}

void sync_directory(const std::filesystem::path& root, const std::filesystem::path& directory) {
  File(root, directory, O_RDONLY | O_DIRECTORY).sync();
}

}  // namespace wellhead::storage
