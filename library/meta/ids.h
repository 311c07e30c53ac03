// Ids that cannot be mixed up: a run's number is not a batch's number, and a zip code is not any text.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace wellhead::meta {

// A number with a meaning. Default-constructed it is 0, which no database sequence hands out.
template <class Tag>
struct StrongId {
  std::int64_t value = 0;
  auto operator<=>(const StrongId&) const = default;
};

using RunId = StrongId<struct RunTag>;       // run.run_id
using BatchId = StrongId<struct BatchTag>;   // staged_batch.batch: numbered within its run by the workflow
using RawBlobId = StrongId<struct BlobTag>;  // raw_blob.raw_blob_id

// A five-digit United States zip code, leading zeros kept.
class Zipcode {
 public:
  Zipcode() = default;
  // Throws Error{invalid_input} unless the text is exactly five ASCII digits.
  static Zipcode parse(std::string_view text);
  // As parse, with the leading zeros put back that a JSON number has lost.
  static Zipcode from_number(std::int64_t number);

  const std::string& text() const { return text_; }
  // Whether a postal code of a resource belongs to it: `02139` and `02139-1234` do, `021390` does not. Blanks around
  // the postal code do not count.
  bool matches(std::string_view postal_code) const;

  auto operator<=>(const Zipcode&) const = default;

 private:
  std::string text_;
};

}  // namespace wellhead::meta

template <class Tag>
struct std::hash<wellhead::meta::StrongId<Tag>> {
  std::size_t operator()(wellhead::meta::StrongId<Tag> id) const noexcept {
    return std::hash<std::int64_t>{}(id.value);
  }
};
