#include "library/storage/blob/frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>
#include <vector>

#include "library/storage/blob/key.h"
#include "library/storage/blob/zstd.h"

namespace wellhead::storage {
namespace {

constexpr std::size_t kFrameBytes = 1024 * 1024;

// zstd's seekable format: a skippable frame of one entry (two sizes) a frame and a footer (count, descriptor, magic).
constexpr std::uint32_t kSkippableMagic = 0x184D2A5E;
constexpr std::uint32_t kSeekableMagic = 0x8F92EAB1;
constexpr std::size_t kEntryBytes = 8;
constexpr std::size_t kFooterBytes = 9;

static_assert(std::endian::native == std::endian::little, "the seek table is little-endian");

void append(std::string& out, std::uint32_t number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  out.append(bytes, sizeof number);
}

std::uint32_t number_at(std::string_view bytes, std::size_t offset) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data() + offset, sizeof number);
  return number;
}

struct FramePlace {
  std::uint64_t offset = 0;
  std::uint32_t compressed = 0;
  std::uint32_t size = 0;
};

std::string seek_table(const std::vector<std::pair<std::uint32_t, std::uint32_t>>& frames) {
  std::string out;
  append(out, kSkippableMagic);
  append(out, static_cast<std::uint32_t>(frames.size() * kEntryBytes + kFooterBytes));
  for (const auto& [compressed, size] : frames) {
    append(out, compressed);
    append(out, size);
  }
  append(out, static_cast<std::uint32_t>(frames.size()));
  out.push_back('\0');  // no checksums here: the frames have their own
  append(out, kSeekableMagic);
  return out;
}

FramePlace find_frame(BlobStore& store, const BlobKey& key, std::int32_t frame) {
  const auto bytes = store.size(key);
  if (bytes < kFooterBytes) fail_corrupt(store, key, "it has no seek table");
  const auto footer = store.read_range(key, bytes - kFooterBytes, kFooterBytes);
  const std::uint64_t count = footer.size() == kFooterBytes ? number_at(footer, 0) : 0;
  if (count == 0 || number_at(footer, 5) != kSeekableMagic || count * kEntryBytes + kFooterBytes > bytes) {
    fail_corrupt(store, key, "it has no seek table");
  }
  if (frame < 0 || static_cast<std::uint64_t>(frame) >= count)
    fail_corrupt(store, key, fmt::format("it has no frame {}", frame));
  const auto table = store.read_range(key, bytes - kFooterBytes - count * kEntryBytes, count * kEntryBytes);
  if (table.size() != count * kEntryBytes) fail_corrupt(store, key, "it ends early");
  FramePlace place;
  const auto wanted = static_cast<std::size_t>(frame) * kEntryBytes;
  for (std::size_t entry = 0; entry < wanted; entry += kEntryBytes) place.offset += number_at(table, entry);
  place.compressed = number_at(table, wanted);
  place.size = number_at(table, wanted + 4);
  return place;
}

std::string read_frame(BlobStore& store, const BlobKey& key, std::int32_t frame) {
  const auto place = find_frame(store, key, frame);
  const auto compressed = store.read_range(key, place.offset, place.compressed);
  // The table is not trusted with the memory: the frame says its size itself.
  if (ZSTD_getFrameContentSize(compressed.data(), compressed.size()) != place.size) {
    fail_corrupt(store, key, fmt::format("frame {} is damaged", frame));
  }
  std::string lines(place.size, '\0');
  const auto got =
      ZSTD_decompressDCtx(make_decompressor().get(), lines.data(), lines.size(), compressed.data(), compressed.size());
  if (got != lines.size()) fail_corrupt(store, key, fmt::format("frame {} is damaged", frame));
  return lines;
}

}  // namespace

struct RawBlobWriter::State {
  explicit State(BlobStore& store) : blob(store.create("raw", ".ndjson.zst")), compressor(make_compressor()) {}

  void end_frame() {
    out.resize(ZSTD_compressBound(lines.size()));
    const auto size =
        checked_compression(ZSTD_compress2(compressor.get(), out.data(), out.size(), lines.data(), lines.size()));
    blob->write({out.data(), size});
    frames.emplace_back(static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(lines.size()));
    lines.clear();
    count = 0;
  }

  std::unique_ptr<BlobWriter> blob;
  ZstdCompressor compressor;
  std::string lines;       // of the frame being filled
  std::int32_t count = 0;  // of them
  std::vector<char> out;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> frames;  // compressed and plain bytes of each
};

RawBlobWriter::RawBlobWriter(BlobStore& store) : state_(std::make_unique<State>(store)) {}
RawBlobWriter::~RawBlobWriter() = default;
RawBlobWriter::RawBlobWriter(RawBlobWriter&&) noexcept = default;

RawPosition RawBlobWriter::add(std::string_view resource) {
  auto& lines = state_->lines;
  const auto start = lines.size();
  lines.append(resource);
  if (std::memchr(lines.data() + start, '\n', resource.size()) != nullptr) {
    // A line break inside a JSON string is always escaped, so this one stands between tokens.
    std::ranges::replace(lines.begin() + static_cast<std::ptrdiff_t>(start), lines.end(), '\n', ' ');
  }
  lines.push_back('\n');
  const auto position = next_position();
  ++state_->count;
  if (lines.size() >= kFrameBytes) state_->end_frame();
  return position;
}

RawPosition RawBlobWriter::next_position() const {
  return {static_cast<std::int32_t>(state_->frames.size()), state_->count};
}

RawBlobWriter::Written RawBlobWriter::finish() {
  if (state_->count > 0) state_->end_frame();
  state_->blob->write(seek_table(state_->frames));
  auto written = state_->blob->finish();
  return {std::move(written.key), written.bytes, static_cast<std::int32_t>(state_->frames.size())};
}

std::string read_resource(BlobStore& store, const BlobKey& key, RawPosition position) {
  return std::move(read_lines(store, key, position.frame, {position.index}).front());
}

std::vector<std::string> read_lines(BlobStore& store, const BlobKey& key, std::int32_t frame,
                                    const std::vector<std::int32_t>& lines) {
  const auto text = read_frame(store, key, frame);
  std::vector<std::string_view> all;
  for (std::size_t start = 0; start < text.size();) {
    const auto end = std::min(text.find('\n', start), text.size());
    all.push_back(std::string_view(text).substr(start, end - start));
    start = end + 1;
  }
  std::vector<std::string> found;
  found.reserve(lines.size());
  for (const std::int32_t line : lines) {
    if (line < 0 || static_cast<std::size_t>(line) >= all.size()) {
      fail_corrupt(store, key, fmt::format("frame {} has no line {}", frame, line));
    }
    found.emplace_back(all[static_cast<std::size_t>(line)]);
  }
  return found;
}

void read_resources(BlobStore& store, const BlobKey& key, std::int32_t frames,
                    const std::function<void(RawPosition, std::string_view)>& receive) {
  for (RawPosition position; position.frame < frames; ++position.frame) {
    const auto lines = read_frame(store, key, position.frame);
    position.index = 0;
    for (std::size_t start = 0; start < lines.size(); ++position.index) {
      const auto end = std::min(lines.find('\n', start), lines.size());
      receive(position, std::string_view(lines).substr(start, end - start));
      start = end + 1;
    }
  }
}

}  // namespace wellhead::storage
