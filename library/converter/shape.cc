#include "library/converter/shape.h"

#include <algorithm>
#include <bit>
#include <iterator>

#include "library/converter/fhir_types.h"

namespace wellhead::converter {
namespace {

constexpr std::size_t kPlacesPerName = 4;
constexpr int kMaxAttempts = 1000;

}  // namespace

Shape::Shape(const std::vector<std::string>& names, const std::vector<ShapeId>& shapes,
             const std::vector<std::string>& choices) {
  for (std::uint32_t slot = 0; slot < names.size(); ++slot) {
    std::string padded = names[slot];
    padded.resize(padded.size() + sizeof(std::uint64_t));
    const std::size_t length = names[slot].size();
    entries_.push_back({prefix_of(padded.data(), length), suffix_of(padded.data(), length), names[slot], slot,
                        shapes[slot], kNoChoice});
  }
  for (const std::string& choice : choices) {
    const auto slot = static_cast<std::uint32_t>(std::ranges::find(names, choice) - names.begin());
    choices_.push_back(slot);
    for (Entry& entry : entries_) {
      if (is_choice_key(entry.name, choice)) entry.choice = slot;
    }
  }
  const std::size_t size = std::bit_ceil(names.size() * kPlacesPerName + 2);
  shift_ = static_cast<unsigned>(64 - std::countr_zero(size));
  multiplier_ = 0x9E3779B97F4A7C15U;
  // A multiplier without collisions is nearly always found; with one left, find() goes on to the next place.
  for (int attempt = 0;; ++attempt) {
    places_.assign(size, 0);
    if (fill() || attempt == kMaxAttempts) return;
    multiplier_ = (multiplier_ * 6364136223846793005U + 1442695040888963407U) | 1;
  }
}

// Whether all names have got a place of their own at once.
bool Shape::fill() {
  bool perfect = true;
  for (const Entry& entry : entries_) {
    std::size_t at = place(entry.prefix, entry.suffix, entry.name.size());
    while (places_[at] != 0) {
      perfect = false;
      at = (at + 1) & (places_.size() - 1);
    }
    places_[at] = static_cast<std::uint16_t>(entry.slot + 1);
  }
  return perfect;
}

const Shape::Entry* Shape::find_choice(std::string_view key) const {
  for (const std::uint32_t slot : choices_) {
    if (is_choice_key(key, entries_[slot].name)) return &entries_[slot];
  }
  return nullptr;
}

ShapeBuilder::ShapeBuilder() : drafts_(2) { drafts_[1].parent = 1; }

ShapeId ShapeBuilder::find(ShapeId shape) const {
  while (drafts_[shape].parent != shape) shape = drafts_[shape].parent;
  return shape;
}

ShapeId ShapeBuilder::child(ShapeId shape, std::string_view name) {
  const ShapeId owner = find(shape);
  if (owner == kNoShape) return kNoShape;
  if (const auto found = drafts_[owner].children.find(name); found != drafts_[owner].children.end()) {
    return find(found->second);
  }
  const auto id = static_cast<ShapeId>(drafts_.size());
  drafts_.push_back({id, {}});
  drafts_[owner].children.emplace(name, id);
  return id;
}

void ShapeBuilder::unite(ShapeId a, ShapeId b) {
  a = find(a);
  b = find(b);
  if (a == b || a == kNoShape || b == kNoShape) return;
  drafts_[b].parent = a;
  drafts_[a].choices.merge(drafts_[b].choices);
  const auto moved = std::move(drafts_[b].children);
  for (const auto& [name, id] : moved) {
    const ShapeId owner = find(a);
    const auto [place, inserted] = drafts_[owner].children.emplace(name, id);
    if (!inserted) unite(place->second, id);
  }
}

void ShapeBuilder::mark_choice(ShapeId shape, std::string_view name) {
  if (const ShapeId owner = find(shape); owner != kNoShape) drafts_[owner].choices.emplace(name);
}

// An object is read by one shape, whatever name it was looked for by. Whether any were united.
bool ShapeBuilder::unite_choices() {
  for (ShapeId id = 1; id < drafts_.size(); ++id) {
    if (find(id) != id) continue;
    for (const std::string& choice : drafts_[id].choices) {
      const auto own = drafts_[id].children.find(choice);
      if (own == drafts_[id].children.end()) continue;
      for (const auto& [name, child] : drafts_[id].children) {
        if (!is_choice_key(name, choice) || find(child) == find(own->second)) continue;
        unite(own->second, child);
        return true;
      }
    }
  }
  return false;
}

Shapes ShapeBuilder::finish() {
  while (unite_choices()) {
  }
  final_ids_.assign(drafts_.size(), kNoShape);
  std::vector<ShapeId> roots;
  for (ShapeId id = 1; id < drafts_.size(); ++id) {
    if (find(id) != id || drafts_[id].children.empty()) continue;
    roots.push_back(id);
    final_ids_[id] = static_cast<ShapeId>(roots.size());
  }
  Shapes shapes;
  shapes.emplace_back(std::vector<std::string>{}, std::vector<ShapeId>{});
  for (const ShapeId root : roots) {
    std::vector<std::string> names;
    std::vector<ShapeId> children;
    for (const auto& [name, child] : drafts_[root].children) {
      names.push_back(name);
      children.push_back(final_ids_[find(child)]);
    }
    const auto& choices = drafts_[root].choices;
    shapes.emplace_back(names, children, std::vector<std::string>(choices.begin(), choices.end()));
  }
  return shapes;
}

std::uint32_t ShapeBuilder::slot(ShapeId shape, std::string_view name) const {
  const auto& children = drafts_[find(shape)].children;
  return static_cast<std::uint32_t>(std::distance(children.begin(), children.find(name)));
}

}  // namespace wellhead::converter
