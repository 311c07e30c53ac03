#include "app/fhirsim/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "app/fhirsim/ndjson.h"
#include "library/meta/error.h"

namespace wellhead::fhirsim {
namespace {

// A ref: generated · type · patient (32 bits) · number (24 bits), or type · slot. Observations have a bit of their own;
// types that came later stand behind the patient.
constexpr std::uint64_t kGenerated = std::uint64_t{1} << 63;
constexpr std::uint64_t kObservation = std::uint64_t{1} << 62;
constexpr std::size_t kBlockBytes = std::size_t{4} << 20;

Ref generated_patient(std::uint32_t patient) { return {kGenerated | std::uint64_t{patient} << 24}; }
constexpr int kTypeShift = 56;

std::uint64_t type_bits(ResourceType type) {
  if (type == ResourceType::observation) return kObservation;
  return static_cast<std::uint64_t>(type) << kTypeShift;
}
Ref generated_ref(ResourceType type, std::uint32_t patient, std::uint32_t number) {
  return {kGenerated | type_bits(type) | std::uint64_t{patient} << 24 | number};
}
bool is_generated(Ref ref) { return (ref.value & kGenerated) != 0; }
ResourceType generated_type(Ref ref) {
  if ((ref.value & kObservation) != 0) return ResourceType::observation;
  return static_cast<ResourceType>(ref.value >> kTypeShift & 0xf);
}
std::uint32_t patient_number(Ref ref) { return static_cast<std::uint32_t>(ref.value >> 24); }
std::uint32_t number_of(Ref ref) { return ref.value & 0xffffff; }
std::uint32_t slot_of(Ref ref) { return static_cast<std::uint32_t>(ref.value); }
Ref stored_ref(ResourceType type, std::uint32_t slot) {
  return {(type == ResourceType::observation ? kObservation : 0) | slot};
}

std::uint32_t parse_version(const std::optional<std::string>& text, std::uint32_t otherwise) {
  std::uint32_t version = otherwise;
  if (text) std::from_chars(text->data(), text->data() + text->size(), version);
  return version;
}

}  // namespace

Store::Store(Options options) : options_(std::move(options)) {
  if (options_.generated.patients > 0) generator_.emplace(options_.generated);
  load();
}

void Store::load() {
  slots_.emplace_back();  // slot 0 means none
  for (const auto& path : options_.files) {
    std::uint64_t line_number = 0;
    read_ndjson(path, [&](std::string_view line) {
      ++line_number;
      try {
        put(line, options_.last_updated);
      } catch (const meta::Error& error) {
        throw meta::Error(error.code(), fmt::format("{}:{}: {}", path, line_number, error.message()), error.advice());
      }
    });
  }
}

void Store::reset() {
  Store fresh(options_);
  *this = std::move(fresh);
}

std::string_view Store::keep(std::string_view text) {
  if (block_room_ < text.size()) {
    block_room_ = std::max(kBlockBytes, text.size());
    block_end_ = blocks_.emplace_back(std::make_unique_for_overwrite<char[]>(block_room_)).get();
  }
  char* const place = block_end_;
  text.copy(place, text.size());
  block_end_ += text.size();
  block_room_ -= text.size();
  return {place, text.size()};
}

std::uint32_t Store::add_slot(Stored stored) {
  slots_.push_back(stored);
  return static_cast<std::uint32_t>(slots_.size() - 1);
}

Store::Found Store::find(ResourceType type, std::string_view id) const {
  if (const auto& known = ids_[static_cast<std::size_t>(type)]; !known.empty()) {
    if (const auto found = known.find(id); found != known.end()) {
      const bool deleted = slots_[found->second].deleted;
      return {deleted ? Presence::deleted : Presence::present, stored_ref(type, found->second)};
    }
  }
  if (!generator_) return {};
  if (type == ResourceType::patient) {
    const auto number = generator_->find_patient(id);
    return number ? Found{Presence::present, generated_patient(*number)} : Found{};
  }
  const auto number = generator_->find_resource(type, id);
  return number ? Found{Presence::present, generated_ref(type, number->patient, number->number)} : Found{};
}

void Store::put(std::string_view json, Instant now) {
  const ResourceFacts facts = read_facts(json);
  const Found old = find(facts.type, facts.id);
  const std::uint32_t version =
      parse_version(facts.version, old.presence == Presence::absent ? 1 : version_number(old.ref) + 1);
  const Instant last_updated = facts.last_updated.value_or(now);
  const std::string_view text = keep(with_meta(json, facts, version, now));
  const std::uint32_t slot = add_slot({.text = text.data(),
                                       .length = static_cast<std::uint32_t>(text.size()),
                                       .type = facts.type,
                                       .version = version,
                                       .last_updated = last_updated,
                                       .id = keep(facts.id),
                                       .patient_id = keep(facts.patient_id)});
  replace(old, slot);
  index(slot, facts);
}

void Store::put_raw(ResourceType type, std::string_view search_value, std::string_view text, Instant now) {
  const std::string_view kept = keep(text);
  const std::uint32_t slot = add_slot(
      {.text = kept.data(), .length = static_cast<std::uint32_t>(kept.size()), .type = type, .last_updated = now});
  ResourceFacts facts;
  facts.type = type;
  if (type == ResourceType::patient) facts.postal_codes.emplace_back(search_value);
  if (type != ResourceType::patient) facts.patient_id = search_value;
  slots_[slot].id = keep(fmt::format("raw-{}", slot));
  slots_[slot].patient_id = keep(facts.patient_id);
  index(slot, facts);
}

bool Store::remove(ResourceType type, std::string_view id, Instant now) {
  const Found old = find(type, id);
  if (old.presence != Presence::present) return false;
  const std::uint32_t slot = add_slot(
      {.type = type, .deleted = true, .version = version_number(old.ref) + 1, .last_updated = now, .id = keep(id)});
  replace(old, slot);
  ids_[static_cast<std::size_t>(type)].insert_or_assign(slots_[slot].id, slot);
  return true;
}

void Store::replace(Found old, std::uint32_t slot) {
  if (old.presence == Presence::absent) return;
  if (is_generated(old.ref)) {
    replaced_[old.ref.value] = slot;
  } else {
    slots_[slot_of(old.ref)].next = slot;
  }
}

void Store::index(std::uint32_t slot, const ResourceFacts& facts) {
  const std::string_view id = slots_[slot].id;
  const auto type = static_cast<std::size_t>(facts.type);
  ids_[type].insert_or_assign(id, slot);
  if (facts.type == ResourceType::patient) {
    patient_codes_.push_back({slot, facts.postal_codes});
  } else if (!facts.patient_id.empty()) {
    by_patient_[type][facts.patient_id].push_back(slot);
  }
}

std::optional<Ref> Store::current(Ref ref) const {
  if (is_generated(ref)) {
    if (replaced_.empty()) return ref;
    const auto found = replaced_.find(ref.value);
    if (found == replaced_.end()) return ref;
    ref = stored_ref(generated_type(ref), found->second);
  }
  std::uint32_t slot = slot_of(ref);
  if (slot >= slots_.size()) return std::nullopt;
  while (slots_[slot].next != 0) slot = slots_[slot].next;
  if (slots_[slot].deleted) return std::nullopt;
  return stored_ref(slots_[slot].type, slot);
}

std::vector<Ref> Store::patients(const std::function<bool(std::string_view)>& matches) const {
  std::vector<Ref> found;
  for (std::uint32_t patient = 0; generator_ && patient < generator_->patients(); ++patient) {
    const auto codes = generator_->postal_codes(patient);
    const bool fits = matches(codes.current()) || (!codes.former.empty() && matches(codes.former));
    if (fits && !replaced_.contains(generated_patient(patient).value)) found.push_back(generated_patient(patient));
  }
  for (const auto& [slot, codes] : patient_codes_) {
    if (slots_[slot].next == 0 && std::ranges::any_of(codes, matches)) {
      found.push_back(stored_ref(ResourceType::patient, slot));
    }
  }
  return found;
}

std::vector<Ref> Store::all(ResourceType type) const {
  std::vector<Ref> found;
  const auto add = [&](Ref ref) {
    if (!replaced_.contains(ref.value)) found.push_back(ref);
  };
  for (std::uint32_t patient = 0; generator_ && patient < generator_->patients(); ++patient) {
    if (type == ResourceType::patient) {
      add(generated_patient(patient));
    } else {
      for (const Ref ref : generated_of(type, patient)) add(ref);
    }
  }
  for (std::uint32_t slot = 1; slot < slots_.size(); ++slot) {
    const Stored& stored = slots_[slot];
    if (stored.type == type && stored.next == 0 && !stored.deleted) found.push_back(stored_ref(type, slot));
  }
  return found;
}

std::vector<Ref> Store::generated_of(ResourceType type, std::uint32_t patient) const {
  std::vector<Ref> refs;
  const auto count = generator_->count(type);
  refs.reserve(count);
  for (std::uint32_t number = 0; number < count; ++number) refs.push_back(generated_ref(type, patient, number));
  return refs;
}

void Store::resources_of(ResourceType type, std::string_view patient_id, std::vector<Ref>& out) const {
  if (generator_) {
    if (const auto patient = generator_->find_patient(patient_id)) {
      for (const Ref ref : generated_of(type, *patient)) {
        if (replaced_.empty() || !replaced_.contains(ref.value)) out.push_back(ref);
      }
    }
  }
  const auto& by_patient = by_patient_[static_cast<std::size_t>(type)];
  const auto found = by_patient.find(patient_id);
  if (found == by_patient.end()) return;
  for (const std::uint32_t slot : found->second) {
    if (slots_[slot].next == 0) out.push_back(stored_ref(type, slot));
  }
}

void Store::write_id(Ref ref, Buffer& out) const {
  if (!is_generated(ref)) {
    out.append(slots_[slot_of(ref)].id);
  } else {
    generator_->write_resource_id(generated_type(ref), patient_number(ref), number_of(ref), out);
  }
}

void Store::render(Ref ref, Buffer& out) const {
  if (!is_generated(ref)) {
    const Stored& stored = slots_[slot_of(ref)];
    out.append({stored.text, stored.length});
  } else {
    generator_->render(generated_type(ref), patient_number(ref), number_of(ref), out);
  }
}

Instant Store::last_updated(Ref ref) const {
  return is_generated(ref) ? generator_->last_updated(patient_number(ref)) : slots_[slot_of(ref)].last_updated;
}

std::uint32_t Store::version_number(Ref ref) const { return is_generated(ref) ? 1 : slots_[slot_of(ref)].version; }

std::string Store::version(Ref ref) const { return std::to_string(version_number(ref)); }

std::uint64_t Store::count(ResourceType type) const { return all(type).size(); }

}  // namespace wellhead::fhirsim
