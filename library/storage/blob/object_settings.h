// How an object store (s3://, azure://) is reached: where, as whom, and how patiently. Plain values; holds secrets.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "library/meta/settings.h"

namespace wellhead::storage {

struct ObjectStoreSettings {
  enum class Addressing { automatic, path, virtual_host };

  std::string endpoint;  // of S3; empty: AWS, in the region
  std::string region = "us-east-1";
  std::string access_key, secret_key, session_token;
  Addressing addressing = Addressing::automatic;  // path with an endpoint of one's own

  std::string azure_account, azure_key, azure_sas;  // the key is base64, as Azure shows it
  std::string azure_endpoint;                       // empty: Azure's own, for the account

  std::string ca_file;         // PEM; empty: the system's
  bool create_bucket = false;  // when it is missing

  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds silence{60'000};           // after which a request counts as lost
  std::chrono::milliseconds patience{60'000};          // tries go on for so long
  std::chrono::milliseconds first_patience{5'000};     // before the store has ever answered: its address may be wrong
  std::size_t spool_memory = std::size_t{1} << 20;     // of a blob being written; above that it goes to a file
  std::uint64_t part_bytes = std::uint64_t{16} << 20;  // a larger blob is sent in parts of this size; S3 wants 5 MiB
  int list_page = 1000;
};

ObjectStoreSettings object_store_settings(const meta::Settings& settings);

}  // namespace wellhead::storage
