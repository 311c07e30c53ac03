#include <fmt/format.h>

#include <filesystem>

#include "library/meta/error.h"
#include "library/storage/blob/azure_dialect.h"
#include "library/storage/blob/blob_store.h"
#include "library/storage/blob/directory_store.h"
#include "library/storage/blob/object_store.h"
#include "library/storage/blob/s3_dialect.h"

namespace wellhead::storage {
namespace {

constexpr std::string_view kFile = "file://";
constexpr std::string_view kS3 = "s3://";
constexpr std::string_view kAzure = "azure://";

}  // namespace

ObjectStoreSettings object_store_settings(const meta::Settings& settings) {
  using namespace meta::setting;
  using Addressing = ObjectStoreSettings::Addressing;
  ObjectStoreSettings store;
  store.endpoint = settings.get(kAwsEndpointUrl);
  store.region = settings.get(kAwsRegion);
  store.access_key = settings.get(kAwsAccessKeyId);
  store.secret_key = settings.get(kAwsSecretAccessKey);
  store.session_token = settings.get(kAwsSessionToken);
  const auto addressing = settings.get(kS3Addressing);
  if (addressing != "auto") store.addressing = addressing == "path" ? Addressing::path : Addressing::virtual_host;
  store.azure_account = settings.get(kAzureAccount);
  store.azure_key = settings.get(kAzureKey);
  store.azure_sas = settings.get(kAzureSasToken);
  store.azure_endpoint = settings.get(kAzureEndpoint);
  store.ca_file = settings.get(kAwsCaBundle);
  store.create_bucket = settings.get(kCreateBucket) == "yes";
  return store;
}

std::unique_ptr<BlobStore> open_blob_store(std::string_view url, const ObjectStoreSettings& settings) {
  if (url.starts_with(kFile) && url.size() > kFile.size() && url[kFile.size()] == '/') {
    return std::make_unique<DirectoryStore>(std::filesystem::path(url.substr(kFile.size())).lexically_normal());
  }
  if (url.starts_with(kS3)) {
    return std::make_unique<ObjectStore>(make_s3_dialect(url.substr(kS3.size()), settings), settings);
  }
  if (url.starts_with(kAzure)) {
    return std::make_unique<ObjectStore>(make_azure_dialect(url.substr(kAzure.size()), settings), settings);
  }
  throw meta::Error(
      meta::ErrorCode::invalid_setting, fmt::format("'{}' is no blob store", meta::redacted_url(url)),
      "WELLHEAD_BLOB_URL looks like file:///var/lib/wellhead/blobs, s3://bucket/prefix or azure://container/prefix");
}

std::unique_ptr<BlobStore> open_blob_store(const meta::Settings& settings) {
  return open_blob_store(settings.get(meta::setting::kBlobUrl), object_store_settings(settings));
}

}  // namespace wellhead::storage
