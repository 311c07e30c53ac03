#include "library/storage/blob/directory_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <random>
#include <system_error>

#include "library/meta/digest.h"
#include "library/meta/error.h"
#include "library/meta/fail_point.h"
#include "library/storage/blob/file.h"

namespace wellhead::storage {
namespace {

namespace fs = std::filesystem;
using meta::Error;
using meta::ErrorCode;

constexpr std::size_t kPiece = 256 * 1024;
constexpr std::size_t kDigestDigits = 64;
constexpr std::string_view kScheme = "file://";
constexpr auto kIncoming = "incoming";
constexpr auto kLeftoverAge = std::chrono::hours(24);

// Unique over processes, which share the directory, and over restarts, which reuse process ids.
std::string unique_name() {
  static const std::uint64_t process =
      std::random_device()() | (static_cast<std::uint64_t>(std::random_device()()) << 32);
  static std::atomic<std::uint64_t> count = 0;
  return fmt::format("{:016x}-{}", process, ++count);
}

void make_directories(const fs::path& root, const fs::path& directory) {
  std::error_code error;
  if (fs::is_directory(directory, error)) return;
  make_directories(root, directory.parent_path());
  fs::create_directory(directory, error);
  if (error) fail_in_store(error.value(), root, "making directory " + directory.string());
  sync_directory(root, directory.parent_path());
}

void remove_leftovers(const fs::path& incoming) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(incoming, error)) {
    const auto written = entry.last_write_time(error);
    if (!error && fs::file_time_type::clock::now() - written > kLeftoverAge) fs::remove(entry.path(), error);
  }
}

// The file of a key; a key that does not come from finish() finds none.
fs::path path_of(const fs::path& root, const BlobKey& key) {
  if (key.text.empty() || key.text.front() == '/' || key.text.find("..") != std::string::npos) {
    throw Error(ErrorCode::blob_missing, fmt::format("'{}' is no key of a blob", key.text));
  }
  return root / key.text;
}

[[noreturn]] void fail_missing(const std::string& store, const BlobKey& key) {
  throw Error(ErrorCode::blob_missing, fmt::format("blob {} is not in {} any more", key.text, store),
              "Check that WELLHEAD_BLOB_URL is the one the run was staged with; else load the zip code again");
}

std::string digest_in(const BlobKey& key) {
  const auto slash = key.text.rfind('/');
  return key.text.substr(slash == std::string::npos ? 0 : slash + 1, kDigestDigits);
}

class FileWriter final : public BlobWriter {
 public:
  FileWriter(const fs::path& root, std::string_view prefix, std::string_view suffix)
      : root_(root),
        prefix_(prefix),
        suffix_(suffix),
        path_(root / kIncoming / unique_name()),
        file_(root_, path_, O_WRONLY | O_CREAT | O_EXCL) {}

  ~FileWriter() override {
    if (!finished_) ::unlink(path_.c_str());
  }

  void write(std::string_view bytes) override {
    digest_.update(bytes);
    bytes_ += bytes.size();
    file_.write(bytes);
  }

  Written finish() override {
    const auto digest = digest_.finish();
    const auto directory = root_ / prefix_ / digest.substr(0, 2);
    file_.sync();
    make_directories(root_, directory);
    const auto name = digest + suffix_;
    meta::fail_point("blob_rename", "before");
    if (std::rename(path_.c_str(), (directory / name).c_str()) != 0) fail_in_store(errno, root_, "renaming to " + name);
    meta::fail_point("blob_rename", "after");
    finished_ = true;
    sync_directory(root_, directory);
    return {{fmt::format("{}/{}/{}", prefix_, digest.substr(0, 2), name)}, bytes_};
  }

 private:
  fs::path root_;
  std::string prefix_;
  std::string suffix_;
  fs::path path_;
  File file_;
  meta::Sha256 digest_;
  std::uint64_t bytes_ = 0;
  bool finished_ = false;
};

}  // namespace

DirectoryStore::DirectoryStore(fs::path root) : root_(std::move(root)) {
  make_directories(root_, root_ / kIncoming);
  remove_leftovers(root_ / kIncoming);
}

std::unique_ptr<BlobWriter> DirectoryStore::create(std::string_view prefix, std::string_view suffix) {
  return std::make_unique<FileWriter>(root_, prefix, suffix);
}

void DirectoryStore::read(const BlobKey& key, const std::function<void(std::string_view)>& receive) {
  const File file(root_, path_of(root_, key), O_RDONLY);
  if (file.missing()) fail_missing(name(), key);
  meta::Sha256 digest;
  std::uint64_t offset = 0;
  for (auto piece = file.read_at(0, kPiece); !piece.empty(); piece = file.read_at(offset, kPiece)) {
    digest.update(piece);
    receive(piece);
    offset += piece.size();
  }
  if (digest.finish() != digest_in(key)) {
    throw Error(ErrorCode::blob_corrupt, fmt::format("blob {} in {} is damaged", key.text, name()),
                "Its content does not match its name. Check the disk, remove the file and load the zip code again");
  }
}

std::string DirectoryStore::read_range(const BlobKey& key, std::uint64_t offset, std::uint64_t length) {
  const File file(root_, path_of(root_, key), O_RDONLY);
  if (file.missing()) fail_missing(name(), key);
  return file.read_at(offset, length);
}

std::uint64_t DirectoryStore::size(const BlobKey& key) {
  const File file(root_, path_of(root_, key), O_RDONLY);
  if (file.missing()) fail_missing(name(), key);
  return file.size();
}

void DirectoryStore::remove(const BlobKey& key) {
  if (::unlink(path_of(root_, key).c_str()) == 0) return;
  if (errno == ENOENT) fail_missing(name(), key);
  fail_in_store(errno, root_, "removing " + key.text);
}

std::string DirectoryStore::name() const { return "file://" + root_.string(); }

void DirectoryStore::check() {
  auto writer = create("check", ".txt");
  writer->write(fmt::format("Wellhead could write here: {}\n", unique_name()));
  remove(writer->finish().key);
}

std::unique_ptr<BlobStore> open_blob_store(std::string_view url) {
  if (!url.starts_with(kScheme) || url.size() <= kScheme.size() || url[kScheme.size()] != '/') {
    throw Error(ErrorCode::invalid_setting, fmt::format("'{}' is no blob store", meta::redacted_url(url)),
                "WELLHEAD_BLOB_URL looks like file:///var/lib/wellhead/blobs");
  }
  return std::make_unique<DirectoryStore>(fs::path(url.substr(kScheme.size())).lexically_normal());
}

}  // namespace wellhead::storage
