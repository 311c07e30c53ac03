// Which fields of an object the compiled paths want. A Shape is the set for one kind of object (the resource, its
// `code`, each of the codings in it …), a slot is a wanted field's place in the frame that Document fills while it
// reads the object. So each object's fields are visited once, whatever the number of columns.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace wellhead::converter {

using ShapeId = std::uint32_t;
constexpr ShapeId kNoShape = 0;  // an object of which nothing is wanted

class Shape {
 public:
  struct Entry {
    std::uint64_t prefix = 0;  // first eight bytes of the name, zero-filled
    std::uint64_t suffix = 0;  // last eight bytes; 0 for a shorter name
    std::string name;
    std::uint32_t slot = 0;
    ShapeId shape = kNoShape;
    std::uint32_t choice = kNoChoice;  // slot of the choice element that this is a form of
  };
  static constexpr std::uint32_t kNoChoice = ~std::uint32_t{0};

  // names[i] gets slot i and leads to shapes[i]. Of the names in `choices` every form is wanted: of `value` also
  // `valueQuantity`.
  Shape(const std::vector<std::string>& names, const std::vector<ShapeId>& shapes,
        const std::vector<std::string>& choices = {});

  std::uint32_t slots() const { return static_cast<std::uint32_t>(entries_.size()); }

  // key[0 .. length + 8) must be readable. nullptr: not wanted.
  const Entry* find(const char* key, std::size_t length) const {
    const std::uint64_t prefix = prefix_of(key, length);
    const std::uint64_t suffix = suffix_of(key, length);
    for (std::size_t at = place(prefix, suffix, length); places_[at] != 0; at = (at + 1) & (places_.size() - 1)) {
      const Entry& entry = entries_[places_[at] - 1U];
      if (entry.prefix != prefix || entry.suffix != suffix || entry.name.size() != length) continue;
      if (length <= 2 * sizeof prefix || std::memcmp(entry.name.data(), key, length) == 0) return &entry;
    }
    return nullptr;
  }
  // The choice element that the key, which find() does not know, is a form of.
  bool has_choices() const { return !choices_.empty(); }
  const Entry* find_choice(std::string_view key) const;

 private:
  static std::uint64_t prefix_of(const char* key, std::size_t length) {
    std::uint64_t prefix = 0;
    std::memcpy(&prefix, key, sizeof prefix);
    if (length < sizeof prefix) prefix &= (std::uint64_t{1} << (8 * length)) - 1;
    return prefix;
  }
  static std::uint64_t suffix_of(const char* key, std::size_t length) {
    std::uint64_t suffix = 0;
    if (length >= sizeof suffix) std::memcpy(&suffix, key + length - sizeof suffix, sizeof suffix);
    return suffix;
  }
  std::size_t place(std::uint64_t prefix, std::uint64_t suffix, std::size_t length) const {
    const std::uint64_t mixed = prefix ^ std::rotl(suffix, 29) ^ length;
    return static_cast<std::size_t>((mixed * multiplier_) >> shift_);
  }
  bool fill();

  std::vector<Entry> entries_;          // by slot
  std::vector<std::uint32_t> choices_;  // slots
  std::vector<std::uint16_t> places_;   // by hash: 1 + slot, 0 for none
  std::uint64_t multiplier_ = 0;
  unsigned shift_ = 63;
};

// All shapes of a plan; the index is the ShapeId.
using Shapes = std::vector<Shape>;

// Collects what the paths want. Shapes that turn out to be the same (both sides of a union, each level of a repeat) are
// united, so ids are final only after finish().
class ShapeBuilder {
 public:
  ShapeBuilder();

  ShapeId root() const { return 1; }
  ShapeId child(ShapeId shape, std::string_view name);
  void unite(ShapeId a, ShapeId b);
  // The element may stand there in each form of a choice.
  void mark_choice(ShapeId shape, std::string_view name);

  Shapes finish();
  // After finish().
  std::uint32_t slot(ShapeId shape, std::string_view name) const;
  ShapeId final_id(ShapeId shape) const { return final_ids_[find(shape)]; }

 private:
  struct Draft {
    ShapeId parent = 0;
    std::map<std::string, ShapeId, std::less<>> children;
    std::set<std::string, std::less<>> choices;
  };
  bool unite_choices();
  ShapeId find(ShapeId shape) const;

  std::vector<Draft> drafts_;
  std::vector<ShapeId> final_ids_;
};

}  // namespace wellhead::converter
