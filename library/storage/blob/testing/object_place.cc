#include "library/storage/blob/testing/object_place.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <utility>

#include "library/storage/blob/object_http.h"
#include "library/storage/blob/spool.h"

namespace wellhead::storage {

ObjectPlace::ObjectPlace(const std::string& scheme, ObjectStoreSettings settings, MakeDialect make_dialect)
    : place_(new_bucket() + "/some/prefix"),
      url_(scheme + "://" + place_),
      settings_(std::move(settings)),
      make_dialect_(std::move(make_dialect)) {}

std::unique_ptr<BlobStore> ObjectPlace::open() { return open_blob_store(url_, settings_); }

void ObjectPlace::overwrite(const BlobKey& key, std::string_view content) {
  Spool spool(content.size());
  spool.write(content);
  const Patience patience(settings_.patience);
  ObjectHttp http(settings_, patience);
  ObjectAnswer answer;
  const Content whole{&spool, 0, spool.size(), spool.sha256(0, spool.size()), spool.md5(0, spool.size())};
  const auto failure = http.perform(make_dialect_(place_, settings_)->put(key, whole, false), answer);
  EXPECT_FALSE(failure);
  EXPECT_EQ(answer.status / 100, 2) << answer.body;
}

ObjectStoreSettings small_settings() {
  ObjectStoreSettings settings;
  settings.create_bucket = true;
  settings.part_bytes = std::uint64_t{5} << 20;
  settings.spool_memory = 100'000;
  settings.list_page = 3;
  return settings;
}

std::string new_bucket() {
  static std::atomic<int> count = 0;
  return "contract-" + std::to_string(getpid()) + "-" + std::to_string(++count);
}

BlobKey put(BlobStore& store, std::string_view content) {
  auto writer = store.create("csv", ".csv.zst");
  writer->write(content);
  return writer->finish().key;
}

std::string read(BlobStore& store, const BlobKey& key) {
  std::string content;
  store.read(key, [&](std::string_view piece) { content.append(piece); });
  return content;
}

}  // namespace wellhead::storage
