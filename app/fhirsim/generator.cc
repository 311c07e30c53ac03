#include "app/fhirsim/generator.h"

#include <simdjson.h>

#include <algorithm>

#include "app/fhirsim/mixing.h"
#include "library/meta/error.h"

extern "C" {
extern const char fhirsim_patient_templates[];
extern const char fhirsim_patient_templates_end[];
extern const char fhirsim_observation_templates[];
extern const char fhirsim_observation_templates_end[];
extern const char fhirsim_encounter_templates[];
extern const char fhirsim_encounter_templates_end[];
extern const char fhirsim_condition_templates[];
extern const char fhirsim_condition_templates_end[];
extern const char fhirsim_names[];
extern const char fhirsim_names_end[];
}

namespace wellhead::fhirsim {
namespace {

constexpr std::uint32_t kObservationBits = 24;
constexpr std::uint32_t kPatientBits = 32;
constexpr std::uint32_t kObservationsAVisit = 8;
constexpr Instant kDay = 86'400'000;
constexpr Instant kFirstVisit = 1'325'376'000'000;   // 2012-01-01
constexpr Instant kVisitYears = 12 * 365 * kDay;     // the visits lie within these
constexpr Instant kFirstBirth = -1'262'304'000'000;  // 1930-01-01
constexpr std::string_view kFormerZip = "01602";

std::vector<std::string> read_names(const simdjson::dom::element& document, std::string_view kind) {
  std::vector<std::string> names;
  for (const auto name : document[kind].get_array()) names.emplace_back(std::string_view(name));
  return names;
}

// LOW … HIGH in units of the last decimal: 7420 with 3 decimals is 7.420.
char* write_number(const Piece& piece, std::uint64_t random, char* out) {
  std::int64_t value = piece.a + static_cast<std::int64_t>(random % static_cast<std::uint64_t>(piece.b - piece.a + 1));
  if (value < 0) {
    *out++ = '-';
    value = -value;
  }
  std::array<char, 24> digits{};
  int count = 0;
  for (; value > 0 || count <= piece.c; value /= 10) digits[count++] = static_cast<char>('0' + value % 10);
  while (count > 0) {
    if (count == piece.c) *out++ = '.';
    *out++ = digits[--count];
  }
  return out;
}

char* write_digits(std::int64_t count, std::uint64_t random, char* out) {
  for (; count > 0; --count, random /= 10) *out++ = static_cast<char>('0' + random % 10);
  return out;
}

char* write_text(std::string_view text, char* out) {
  text.copy(out, text.size());
  return out + text.size();
}

}  // namespace

// What a slot may need to know of the resource being rendered.
struct Generator::Rendering {
  std::uint32_t patient = 0;
  std::uint64_t low = 0;     // low half of the id
  std::uint64_t random = 0;  // drawn on for numbers and digits
  std::uint64_t names = 0;
  std::uint64_t patient_low = 0;
  std::uint64_t encounter_low = 0;
  Instant effective = 0;

  std::uint64_t next() { return mix(random += 0x9e3779b97f4a7c15U); }
};

Generator::Generator(Options options)
    : options_(std::move(options)),
      key_(mix(options_.seed + 0x5851f42d4c957f2dU)),
      patient_templates_({fhirsim_patient_templates, fhirsim_patient_templates_end}),
      observation_templates_({fhirsim_observation_templates, fhirsim_observation_templates_end}),
      encounter_templates_({fhirsim_encounter_templates, fhirsim_encounter_templates_end}),
      condition_templates_({fhirsim_condition_templates, fhirsim_condition_templates_end}) {
  const auto patients = std::uint64_t{options_.patients} * options_.zips.size();
  const auto most = std::max({options_.observations, options_.encounters, options_.conditions});
  if (patients >> 31 != 0 || most >> kObservationBits != 0) {
    throw meta::Error(meta::ErrorCode::invalid_input, "too many resources to generate",
                      "at most 2,147,483,647 patients and 16,777,215 observations each");
  }
  patients_ = static_cast<std::uint32_t>(patients);
  simdjson::dom::parser parser;
  const simdjson::dom::element document = parser.parse(std::string(fhirsim_names, fhirsim_names_end - fhirsim_names));
  names_ = {read_names(document, "family"), read_names(document, "male"), read_names(document, "female"),
            read_names(document, "street")};
}

std::uint64_t Generator::low_half(Kind kind, std::uint32_t patient, std::uint32_t number) const {
  const auto place = static_cast<std::uint64_t>(kind) << (kPatientBits + kObservationBits) |
                     std::uint64_t{patient} << kObservationBits | number;
  return mix(place ^ key_);
}

std::uint64_t Generator::high_half(std::uint64_t low) const { return mix(low + key_); }

std::optional<std::uint64_t> Generator::place_of(std::string_view id, Kind kind) const {
  const auto uuid = parse_uuid(id);
  if (!uuid || uuid->high != high_half(uuid->low)) return std::nullopt;
  const std::uint64_t place = unmix(uuid->low) ^ key_;
  if (place >> (kPatientBits + kObservationBits) != static_cast<std::uint64_t>(kind)) return std::nullopt;
  return place;
}

void Generator::write_id(std::uint64_t low, Buffer& out) const {
  write_uuid(out.room(kUuidLength), high_half(low), low);
  out.advance(kUuidLength);
}

void Generator::write_patient_id(std::uint32_t patient, Buffer& out) const {
  write_id(low_half(Kind::patient, patient, 0), out);
}

void Generator::write_observation_id(std::uint32_t patient, std::uint32_t observation, Buffer& out) const {
  write_id(low_half(Kind::observation, patient, observation), out);
}

std::optional<std::uint32_t> Generator::find_patient(std::string_view id) const {
  const auto place = place_of(id, Kind::patient);
  if (!place) return std::nullopt;
  const auto patient = static_cast<std::uint32_t>(*place >> kObservationBits);
  return patient < patients_ ? std::optional(patient) : std::nullopt;
}

std::optional<Generator::ObservationNumber> Generator::find_observation(std::string_view id) const {
  const auto found = find_resource(ResourceType::observation, id);
  return found ? std::optional(ObservationNumber{found->patient, found->number}) : std::nullopt;
}

std::uint32_t Generator::count(ResourceType type) const {
  if (type == ResourceType::observation) return options_.observations;
  if (type == ResourceType::encounter) return options_.encounters;
  return type == ResourceType::condition ? options_.conditions : 0;
}

Generator::Kind Generator::kind_of(ResourceType type) {
  if (type == ResourceType::observation) return Kind::observation;
  if (type == ResourceType::encounter) return Kind::encounter;
  return type == ResourceType::condition ? Kind::condition : Kind::patient;
}

std::optional<Generator::ResourceNumber> Generator::find_resource(ResourceType type, std::string_view id) const {
  if (count(type) == 0) return std::nullopt;
  const auto place = place_of(id, kind_of(type));
  if (!place) return std::nullopt;
  // Of the place without the kind.
  const ResourceNumber found{static_cast<std::uint32_t>(*place >> kObservationBits),
                             static_cast<std::uint32_t>(*place & ((1U << kObservationBits) - 1))};
  if (found.patient >= patients_ || found.number >= count(type)) return std::nullopt;
  return found;
}

void Generator::write_resource_id(ResourceType type, std::uint32_t patient, std::uint32_t number, Buffer& out) const {
  write_id(low_half(kind_of(type), patient, number), out);
}

std::uint64_t Generator::patient_hash(std::uint32_t patient) const {
  return mix(key_ + 3 * std::uint64_t{patient} + 1);
}

Generator::PostalCodes Generator::postal_codes(std::uint32_t patient) const {
  const auto hash = patient_hash(patient);
  const std::string& zip = options_.zips[patient / options_.patients];
  PostalCodes codes;
  char* out = write_text(std::string_view(zip).substr(0, 5), codes.current_text.data());
  if (hash % 50 == 0) {
    *out++ = '-';
    out = write_digits(4, hash / 50, out);
  }
  codes.current_length = static_cast<std::uint8_t>(out - codes.current_text.data());
  if (patient_templates_.draw(hash >> 16).has(Slot::old_postal_code)) codes.former = kFormerZip;
  return codes;
}

void Generator::render_patient(std::uint32_t patient, Buffer& out) const {
  Rendering at{.patient = patient, .low = low_half(Kind::patient, patient, 0)};
  const auto hash = patient_hash(patient);
  at.patient_low = at.low;
  at.random = at.names = hash;
  render(patient_templates_.draw(hash >> 16), at, out);
}

void Generator::render_observation(std::uint32_t patient, std::uint32_t observation, Buffer& out) const {
  Rendering at{.patient = patient, .low = low_half(Kind::observation, patient, observation)};
  const std::uint32_t visit = observation / kObservationsAVisit;
  const std::uint32_t visits = options_.observations / kObservationsAVisit + 1;
  at.patient_low = low_half(Kind::patient, patient, 0);
  at.encounter_low = low_half(Kind::encounter, patient, visit);
  at.random = at.low;
  const auto slice = static_cast<std::uint64_t>(kVisitYears / 1000 / visits);
  at.effective = kFirstVisit + 1000 * static_cast<Instant>(visit * slice + at.encounter_low % slice);
  render(observation_templates_.draw(mix(at.low + 1)), at, out);
}

// An encounter is the visit of that number, which the observations refer to; a condition was found at one.
void Generator::render_visit(ResourceType type, std::uint32_t patient, std::uint32_t number, Buffer& out) const {
  Rendering at{.patient = patient, .low = low_half(kind_of(type), patient, number)};
  const std::uint32_t visits = std::max(options_.observations / kObservationsAVisit + 1, options_.encounters);
  at.patient_low = low_half(Kind::patient, patient, 0);
  at.encounter_low = low_half(Kind::encounter, patient, number % visits);
  at.random = at.low;
  const auto slice = static_cast<std::uint64_t>(kVisitYears / 1000 / visits);
  at.effective = kFirstVisit + 1000 * static_cast<Instant>(number % visits * slice + at.encounter_low % slice);
  const auto& templates = type == ResourceType::encounter ? encounter_templates_ : condition_templates_;
  render(templates.draw(mix(at.low + 1)), at, out);
}

void Generator::render(ResourceType type, std::uint32_t patient, std::uint32_t number, Buffer& out) const {
  if (type == ResourceType::patient) {
    render_patient(patient, out);
  } else if (type == ResourceType::observation) {
    render_observation(patient, number, out);
  } else {
    render_visit(type, patient, number, out);
  }
}

void Generator::render(const Template& text, Rendering& at, Buffer& out) const {
  char* const begin = out.room(text.bound());
  char* end = begin;
  for (const Piece& piece : text.pieces()) {
    end = write_text(text.literal(piece), end);
    end = write_slot(piece, at, end);
  }
  out.advance(static_cast<std::size_t>(end - begin));
}

char* Generator::write_slot(const Piece& piece, Rendering& at, char* out) const {
  const auto uuid = [&](std::uint64_t low) {
    write_uuid(out, high_half(low), low);
    return out + kUuidLength;
  };
  switch (piece.slot) {
    case Slot::end:
      return out;
    case Slot::id:
      return uuid(at.low);
    case Slot::patient:
      return uuid(at.patient_low);
    case Slot::encounter:
      return uuid(at.encounter_low);
    case Slot::effective:
      write_second(out, at.effective);
      return out + kSecondLength;
    case Slot::issued:
      write_instant(out, at.effective + 253);
      return out + kInstantLength;
    case Slot::last_updated:
      write_instant(out, last_updated(at.patient));
      return out + kInstantLength;
    case Slot::number:
      return write_number(piece, at.next(), out);
    case Slot::digits:
      return write_digits(piece.a, at.next(), out);
    case Slot::family:
    case Slot::male:
    case Slot::female:
    case Slot::street:
      return write_name(piece, at, out);
    case Slot::birth_date:
      write_date(out, kFirstBirth + kDay * static_cast<Instant>(at.names % (80 * 365)));
      return out + kDateLength;
    case Slot::deceased:
      write_second(out, kFirstVisit + kVisitYears + 1000 * static_cast<Instant>(at.names % (365 * 86'400)));
      return out + kSecondLength;
    case Slot::postal_code:
      return write_text(postal_codes(at.patient).current(), out);
    case Slot::old_postal_code:
      return write_text(kFormerZip, out);
  }
  return out;
}

char* Generator::write_name(const Piece& piece, const Rendering& at, char* out) const {
  const auto kind = static_cast<std::size_t>(piece.slot) - static_cast<std::size_t>(Slot::family);
  const auto& names = names_[kind];
  const auto random = mix(at.names + 16 * static_cast<std::uint64_t>(piece.a) + kind);
  return write_text(names[random % names.size()], out);
}

}  // namespace wellhead::fhirsim
