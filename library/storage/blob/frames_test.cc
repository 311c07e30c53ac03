#include "library/storage/blob/frames.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "library/meta/error.h"
#include "tests/fixture/directory.h"
#include "tests/fixture/thrown.h"

namespace wellhead::storage {
namespace {

using fixture::error_of;
using meta::ErrorCode;

class FramesTest : public testing::Test {
 protected:
  std::string read(const BlobKey& key) {
    std::string content;
    read_decompressed(*store_, key, [&](std::string_view piece) { content.append(piece); });
    return content;
  }

  // A blob of these bytes, whatever they are.
  BlobKey put(std::string_view bytes) {
    auto writer = store_->create("csv", ".csv.zst");
    writer->write(bytes);
    return writer->finish().key;
  }

  std::string stored(const BlobKey& key) { return store_->read_range(key, 0, store_->size(key)); }

  fixture::TestDirectory directory_;
  std::unique_ptr<BlobStore> store_ = open_blob_store("file://" + directory_.path().string());
};

std::string resource(int number) {
  return R"({"resourceType":"Observation","id":")" + std::to_string(number) + R"(","note":")" +
         std::string(static_cast<std::size_t>(number % 3000), 'n') + "\"}";
}

TEST_F(FramesTest, EachResourceIsReadAloneFromItsFrame) {
  RawBlobWriter writer(*store_);
  std::vector<RawPosition> positions;
  std::string all;
  for (int number = 0; number < 3000; ++number) {
    positions.push_back(writer.add(resource(number)));
    all += resource(number) + "\n";
  }
  const auto written = writer.finish();
  EXPECT_EQ(written.frames, 5);  // 4.6 MB in frames of 1 MiB
  EXPECT_EQ(written.bytes, store_->size(written.key));
  for (const int number : {0, 1, 1499, 2998, 2999}) {
    EXPECT_EQ(read_resource(*store_, written.key, positions[static_cast<std::size_t>(number)]), resource(number));
  }
  EXPECT_EQ(read(written.key), all);  // the seek table is invisible to a plain reader
}

TEST_F(FramesTest, ResourceIsOneLineAndMayBeLargerThanAFrame) {
  RawBlobWriter writer(*store_);
  const auto pretty = writer.add("{\n  \"id\": \"a\\nb\"\n}");
  const auto large = writer.add("\"" + std::string(3 << 20, 'x') + "\"");
  const auto last = writer.add("{}");
  const auto key = writer.finish().key;
  EXPECT_EQ(read_resource(*store_, key, pretty), "{   \"id\": \"a\\nb\" }");
  EXPECT_EQ(read_resource(*store_, key, large).size(), (3U << 20) + 2);
  EXPECT_EQ(read_resource(*store_, key, last), "{}");
}

TEST_F(FramesTest, PositionThatIsNotThereIsCorrupt) {
  RawBlobWriter writer(*store_);
  writer.add("{}");
  const auto key = writer.finish().key;
  for (const auto position : {RawPosition{0, 1}, RawPosition{1, 0}, RawPosition{-1, 0}, RawPosition{0, -1}}) {
    EXPECT_EQ(error_of([&] { read_resource(*store_, key, position); }).code(), ErrorCode::blob_corrupt);
  }
  EXPECT_EQ(error_of([&] { read_resource(*store_, RawBlobWriter(*store_).finish().key, {}); }).code(),
            ErrorCode::blob_corrupt);
  EXPECT_EQ(error_of([&] { read_resource(*store_, put("short"), {}); }).code(), ErrorCode::blob_corrupt);
  EXPECT_EQ(error_of([&] { read_resource(*store_, put("long, but no seek table"), {}); }).code(),
            ErrorCode::blob_corrupt);
}

TEST_F(FramesTest, DamageInsideAFrameIsFound) {
  RawBlobWriter writer(*store_);
  for (int number = 0; number < 100; ++number) writer.add(resource(number));
  const auto whole = stored(writer.finish().key);
  for (std::size_t at = 0; at < whole.size(); at += 97) {
    auto damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    const auto key = put(damaged);
    if (at + 17 < whole.size()) {
      EXPECT_EQ(error_of([&] { read_resource(*store_, key, {0, 50}); }).code(), ErrorCode::blob_corrupt) << at;
    }
  }
}

TEST_F(FramesTest, CsvGoesThereAndBackInPieces) {
  CsvBlobWriter writer(*store_);
  std::string all;
  for (int row = 0; row < 100000; ++row) {
    const auto line = std::to_string(row) + ",\"text, quoted\",," + std::to_string(row * 7919 % 10007) + "\n";
    writer.write(line);
    all += line;
  }
  writer.write("");
  const auto written = writer.finish();
  EXPECT_LT(written.bytes, all.size() / 2);
  EXPECT_EQ(read(written.key), all);
  EXPECT_EQ(read(CsvBlobWriter(*store_).finish().key), "");
}

TEST_F(FramesTest, CsvOfEverySizeAroundTheBuffersComesBackWhole) {
  for (std::size_t size = (128 << 10) - 2; size <= (128 << 10) + 2; ++size) {
    CsvBlobWriter writer(*store_);
    writer.write(std::string(size, 'x'));
    EXPECT_EQ(read(writer.finish().key).size(), size);
  }
}

TEST_F(FramesTest, TruncatedAndForeignCsvIsCorrupt) {
  CsvBlobWriter writer(*store_);
  for (int row = 0; row < 1000; ++row) writer.write(std::to_string(row) + "\n");
  const auto whole = stored(writer.finish().key);
  EXPECT_EQ(error_of([&] { read(put(whole.substr(0, whole.size() - 1))); }).code(), ErrorCode::blob_corrupt);
  EXPECT_EQ(error_of([&] { read(put("1,2,3\n")); }).code(), ErrorCode::blob_corrupt);
}

}  // namespace
}  // namespace wellhead::storage
