// The contract against Azurite, and what is Azure's alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "library/meta/error.h"
#include "library/storage/blob/azure_dialect.h"
#include "library/storage/blob/signature.h"
#include "library/storage/blob/testing/object_place.h"
#include "tests/fixture/azurite.h"
#include "tests/fixture/thrown.h"

namespace wellhead::storage {
namespace {

using fixture::Azurite;
using fixture::error_of;
using meta::ErrorCode;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// One for all cases of a process; each has a container of its own.
Azurite& azurite() {
  static Azurite server;
  return server;
}

ObjectStoreSettings settings_of(const Azurite& server) {
  auto settings = small_settings();
  settings.azure_account = server.account();
  settings.azure_key = server.key();
  settings.azure_endpoint = server.endpoint();
  return settings;
}

INSTANTIATE_TEST_SUITE_P(Azure, BlobStoreContract, testing::Values(ContractCase{"azurite", [] {
                                                                                  return std::make_unique<ObjectPlace>(
                                                                                      "azure", settings_of(azurite()),
                                                                                      make_azure_dialect);
                                                                                }}));

TEST(Azure, WrongKeyIsRefusedAndNotRepeated) {
  auto settings = settings_of(azurite());
  settings.azure_key = "YW5vdGhlci1rZXk=";
  const auto store = open_blob_store("azure://" + new_bucket(), settings);
  const auto error = error_of([&] { put(*store, "rows"); });
  EXPECT_EQ(error.code(), ErrorCode::blob_store_failed);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("403"), HasSubstr("AZURE_STORAGE_KEY"), HasSubstr(store->name()),
                                  Not(HasSubstr(settings.azure_key))));
  EXPECT_FALSE(error.retryable());
}

TEST(Azure, ContainerIsMadeOnlyWhenAllowed) {
  auto settings = settings_of(azurite());
  settings.create_bucket = false;
  const auto error = error_of([&] { put(*open_blob_store("azure://" + new_bucket(), settings), "rows"); });
  EXPECT_THAT(error.what(), AllOf(HasSubstr("ContainerNotFound"), HasSubstr("WELLHEAD_CREATE_BUCKET")));
  EXPECT_FALSE(error.retryable());
}

TEST(Azure, KilledServerThatComesBackIsOutlasted) {
  Azurite server;
  const auto store = open_blob_store("azure://outlast", settings_of(server));
  put(*store, "rows");
  server.kill();
  std::jthread starter([&] { server.start(); });
  EXPECT_EQ(read(*store, put(*store, "more rows")), "more rows");
}

TEST(Azure, SharedAccessSignatureGoesIntoTheUrlAndNowhereElse) {
  auto settings = settings_of(azurite());
  settings.azure_key.clear();
  settings.azure_sas = "?sv=2021-12-02&ss=b&srt=sco&sp=rwdlac&se=2030-01-01&sig=s3cret%2F";
  const auto dialect = make_azure_dialect("container", settings);
  const auto request = dialect->list("csv/", "");
  EXPECT_THAT(request.url, HasSubstr("restype=container&sv=2021-12-02"));
  for (const auto& header : request.headers) EXPECT_THAT(header, Not(HasSubstr("uthorization")));
  const auto store = open_blob_store("azure://" + new_bucket(), settings);
  const auto error = error_of([&] { put(*store, "rows"); });
  EXPECT_THAT(error.what(), AllOf(HasSubstr("AZURE_STORAGE_SAS_TOKEN"), Not(HasSubstr("s3cret"))));
  EXPECT_FALSE(error.retryable());
}

// "Create an account SAS", for everything in the blob service.
std::string shared_access_signature(const Azurite& server) {
  const std::string text = server.account() + "\nrwdlac\nb\nsco\n\n2037-01-01\n\n\n2021-12-02\n\n";
  const auto signature = base64(hmac_sha256(from_base64(server.key(), "the key"), text));
  return "sv=2021-12-02&ss=b&srt=sco&sp=rwdlac&se=2037-01-01&sig=" + percent_encoded(signature);
}

TEST(Azure, SharedAccessSignatureIsEnough) {
  auto settings = settings_of(azurite());
  settings.azure_key.clear();
  settings.azure_sas = shared_access_signature(azurite());
  const auto store = open_blob_store("azure://" + new_bucket() + "/prefix", settings);
  const auto key = put(*store, "rows");
  EXPECT_EQ(read(*store, key), "rows");
  std::size_t blobs = 0;
  store->list("csv/", [&](const BlobStore::Listed&) { ++blobs; });
  EXPECT_EQ(blobs, 1U);
  store->remove(key);
  EXPECT_EQ(error_of([&] { store->size(key); }).code(), ErrorCode::blob_missing);
}

TEST(Azure, AccountWithoutKeyOrWithAMalformedOneIsASetting) {
  ObjectStoreSettings settings;
  EXPECT_EQ(error_of([&] { open_blob_store("azure://container", settings); }).code(), ErrorCode::invalid_setting);
  settings.azure_account = "account";
  settings.azure_key = "no base64!";
  const auto error = error_of([&] { open_blob_store("azure://container", settings); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_setting);
  EXPECT_THAT(error.what(), Not(HasSubstr("no base64!")));
}

}  // namespace
}  // namespace wellhead::storage
