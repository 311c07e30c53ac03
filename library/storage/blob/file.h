// POSIX file descriptors whose failures are Error{blob_store_failed} that say what to do. Private to this folder.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace wellhead::storage {

// error: an errno. what: "writing blob csv/…". Names the directory of the store.
[[noreturn]] void fail_in_store(int error, const std::filesystem::path& root, std::string_view what);

// An open file, closed at the end. Calls throw by fail_in_store.
class File {
 public:
  File(const std::filesystem::path& root, const std::filesystem::path& path, int flags);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool missing() const { return missing_; }  // opened for reading, and there is none
  void write(std::string_view bytes);
  // Up to `length` bytes from offset; fewer only at the end of the file.
  std::string read_at(std::uint64_t offset, std::size_t length) const;
  std::uint64_t size() const;
  void sync();

 private:
  const std::filesystem::path& root_;
  std::filesystem::path path_;
  int descriptor_;
  bool missing_ = false;
};

// Makes the renames in a directory durable.
void sync_directory(const std::filesystem::path& root, const std::filesystem::path& directory);

}  // namespace wellhead::storage
