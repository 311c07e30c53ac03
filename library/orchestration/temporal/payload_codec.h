// Payloads that leave this process encrypted, and are read by whoever has the key: AES-256-GCM, in the form of
// Temporal's own samples (encoding "binary/encrypted", "encryption-key-id"), so that a codec server made after them can
// show them in Temporal's web pages. What is not encrypted is left as it is when it is read, so keys may be introduced,
// and changed, while executions are under way: the first key encrypts, all decrypt.
//
// Not encrypted: names (of workflows, steps, queues) and workflow ids. Search attributes cannot be, so labels are none
// of them where there are keys.
#pragma once

#include <temporal/api/common/v1/message.pb.h>

#include <string>
#include <string_view>
#include <vector>

namespace wellhead::orchestration::temporal_engine {

class PayloadCodec {
 public:
  // Without keys it encodes nothing, and what is encrypted cannot be decoded.
  PayloadCodec() = default;
  // "id:key,id:key", each key 32 bytes in base64 (`openssl rand -base64 32`). Error{invalid_setting} without the text.
  explicit PayloadCodec(std::string_view keys);

  bool encrypts() const { return !keys_.empty(); }
  void encode(::temporal::api::common::v1::Payload& payload) const;
  // Error{engine_refused}: it was encrypted with a key that is not here, or is damaged.
  void decode(::temporal::api::common::v1::Payload& payload) const;

 private:
  struct Key {
    std::string id;
    std::string bytes;
  };
  const Key& key(const std::string& id) const;

  std::vector<Key> keys_;
};

}  // namespace wellhead::orchestration::temporal_engine
