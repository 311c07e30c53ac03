#include "app/fhirsim/ndjson.h"

#include <zstd.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <vector>

#include "library/meta/error.h"

namespace wellhead::fhirsim {
namespace {

// Cuts a stream of bytes into lines.
class Lines {
 public:
  explicit Lines(const std::function<void(std::string_view)>& receive) : receive_(receive) {}

  void add(std::string_view bytes) {
    for (auto end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
      if (rest_.empty()) {
        give(bytes.substr(0, end));
      } else {
        rest_ += bytes.substr(0, end);
        give(rest_);
        rest_.clear();
      }
      bytes.remove_prefix(end + 1);
    }
    rest_ += bytes;
  }
  void finish() { give(rest_); }

 private:
  void give(std::string_view line) const {
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != std::string_view::npos) receive_(line);
  }

  const std::function<void(std::string_view)>& receive_;
  std::string rest_;
};

void decompress(std::ifstream& file, const std::string& path, Lines& lines) {
  const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(), ZSTD_freeDStream);
  std::vector<char> in(ZSTD_DStreamInSize());
  std::vector<char> out(ZSTD_DStreamOutSize());
  std::size_t pending = 0;
  while (file.read(in.data(), static_cast<std::streamsize>(in.size())), file.gcount() > 0) {
    ZSTD_inBuffer input{in.data(), static_cast<std::size_t>(file.gcount()), 0};
    while (input.pos < input.size) {
      ZSTD_outBuffer output{out.data(), out.size(), 0};
      pending = ZSTD_decompressStream(stream.get(), &output, &input);
      if (ZSTD_isError(pending) != 0U) {
        throw meta::Error(meta::ErrorCode::invalid_input, path + ": " + ZSTD_getErrorName(pending));
      }
      lines.add({out.data(), output.pos});
    }
  }
  if (pending != 0) throw meta::Error(meta::ErrorCode::invalid_input, path + ": the zstd stream is cut off");
}

}  // namespace

void read_ndjson(const std::string& path, const std::function<void(std::string_view line)>& receive) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw meta::Error(meta::ErrorCode::invalid_input, path + ": cannot be read");
  Lines lines(receive);
  if (path.ends_with(".zst")) {
    decompress(file, path, lines);
  } else {
    std::vector<char> bytes(1 << 16);
    while (file.read(bytes.data(), static_cast<std::streamsize>(bytes.size())), file.gcount() > 0) {
      lines.add({bytes.data(), static_cast<std::size_t>(file.gcount())});
    }
  }
  lines.finish();
}

}  // namespace wellhead::fhirsim
