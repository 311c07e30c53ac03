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
#include "library/meta/fail_point.h"
#include "library/storage/blob/file.h"
#include "library/storage/blob/key.h"

namespace wellhead::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = 256 * 1024;
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
  check_key(key);
  return root / key.text;
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
  if (file.missing()) fail_missing(*this, key);
  meta::Sha256 digest;
  std::uint64_t offset = 0;
  for (auto piece = file.read_at(0, kPiece); !piece.empty(); piece = file.read_at(offset, kPiece)) {
    digest.update(piece);
    receive(piece);
    offset += piece.size();
  }
  if (digest.finish() != digest_in(key)) fail_corrupt(*this, key, "its content does not match its name");
}

std::string DirectoryStore::read_range(const BlobKey& key, std::uint64_t offset, std::uint64_t length) {
  const File file(root_, path_of(root_, key), O_RDONLY);
  if (file.missing()) fail_missing(*this, key);
  return file.read_at(offset, length);
}

std::uint64_t DirectoryStore::size(const BlobKey& key) {
  const File file(root_, path_of(root_, key), O_RDONLY);
  if (file.missing()) fail_missing(*this, key);
  return file.size();
}

void DirectoryStore::remove(const BlobKey& key) {
  if (::unlink(path_of(root_, key).c_str()) == 0) return;
  if (errno == ENOENT) fail_missing(*this, key);
  fail_in_store(errno, root_, "removing " + key.text);
}

void DirectoryStore::list(std::string_view prefix, const std::function<void(const Listed&)>& receive) {
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(root_, error); entry != fs::recursive_directory_iterator();
       entry.increment(error)) {
    if (error) break;
    const auto key = entry->path().lexically_relative(root_).string();
    if (key == kIncoming) entry.disable_recursion_pending();
    std::error_code gone;  // a blob may be removed meanwhile
    if (!key.starts_with(prefix) || !entry->is_regular_file(gone)) continue;
    const auto bytes = entry->file_size(gone);
    if (!gone) receive({{key}, bytes});
  }
  if (error) fail_in_store(error.value(), root_, "listing");
}

std::string DirectoryStore::name() const { return "file://" + root_.string(); }

void DirectoryStore::check() {
  auto writer = create("check", ".txt");
  writer->write(fmt::format("Wellhead could write here: {}\n", unique_name()));
  remove(writer->finish().key);
}

}  // namespace wellhead::storage
