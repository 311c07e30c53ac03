// The content of a blob before its name is known: in memory while it is small, then in a temporary file that has no
// name and goes with the process. Private to this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace wellhead::storage {

// Written once, then read as often as wanted, from one thread at a time. The file lies in TMPDIR or /tmp.
// Error{blob_store_failed} when that is full or cannot be written.
class Spool {
 public:
  explicit Spool(std::size_t memory) : memory_(memory) {}
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  void write(std::string_view bytes);
  std::uint64_t size() const { return size_; }
  // Up to `length` bytes from offset into `to`; says how many, fewer only at the end.
  std::size_t read_at(std::uint64_t offset, char* to, std::size_t length) const;
  // SHA-256 of `length` bytes from offset, in hex.
  std::string sha256(std::uint64_t offset, std::uint64_t length) const;
  std::string md5(std::uint64_t offset, std::uint64_t length) const;

 private:
  void flush();

  std::size_t memory_;
  std::string buffer_;  // all of it, or what the file lacks yet
  std::uint64_t size_ = 0;
  int descriptor_ = -1;
};

}  // namespace wellhead::storage
