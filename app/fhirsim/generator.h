// Patients and what belongs to them (observations; encounters and conditions when asked for), made up from a seed.
// Nothing is stored: a resource's text follows from its number whenever it is asked for, and its id says its number
// again.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/fhirsim/buffer.h"
#include "app/fhirsim/instant.h"
#include "app/fhirsim/resource_text.h"
#include "app/fhirsim/template.h"

namespace wellhead::fhirsim {

class Generator {
 public:
  struct Options {
    std::uint32_t patients = 0;  // of each zip code
    std::uint32_t observations = 40;
    std::uint32_t encounters = 0;
    std::uint32_t conditions = 0;
    std::vector<std::string> zips;
    std::uint64_t seed = 1;
    Instant last_updated = 0;  // of the first patient; each next one is a second later
  };
  // Throws meta::Error{invalid_input} when there would be more than the ids can number.
  explicit Generator(Options options);

  std::uint32_t patients() const { return patients_; }
  std::uint32_t observations() const { return options_.observations; }  // of each patient
  // Of each patient; 0 for types that are not generated.
  std::uint32_t count(ResourceType type) const;

  // Patients are numbered from 0, a patient's observations too. Ids look like Synthea's.
  void write_patient_id(std::uint32_t patient, Buffer& out) const;
  void write_observation_id(std::uint32_t patient, std::uint32_t observation, Buffer& out) const;
  std::optional<std::uint32_t> find_patient(std::string_view id) const;
  struct ObservationNumber {
    std::uint32_t patient = 0;
    std::uint32_t observation = 0;
  };
  std::optional<ObservationNumber> find_observation(std::string_view id) const;
  // The same for any type but Patient.
  struct ResourceNumber {
    std::uint32_t patient = 0;
    std::uint32_t number = 0;
  };
  std::optional<ResourceNumber> find_resource(ResourceType type, std::string_view id) const;
  // number: 0 for a patient.
  void write_resource_id(ResourceType type, std::uint32_t patient, std::uint32_t number, Buffer& out) const;

  // Current, then former address; empty when there is none. The current one is the zip code, every 50th with ZIP+4.
  struct PostalCodes {
    std::array<char, 10> current_text{};
    std::uint8_t current_length = 0;
    std::string_view former;
    std::string_view current() const { return {current_text.data(), current_length}; }
  };
  PostalCodes postal_codes(std::uint32_t patient) const;

  Instant last_updated(std::uint32_t patient) const { return options_.last_updated + 1000LL * patient; }

  void render_patient(std::uint32_t patient, Buffer& out) const;
  void render_observation(std::uint32_t patient, std::uint32_t observation, Buffer& out) const;
  void render(ResourceType type, std::uint32_t patient, std::uint32_t number, Buffer& out) const;

 private:
  // Part of every id: never renumbered.
  enum class Kind : std::uint64_t { patient, observation, encounter, condition };
  static Kind kind_of(ResourceType type);
  struct Rendering;

  std::uint64_t low_half(Kind kind, std::uint32_t patient, std::uint32_t number) const;
  void write_id(std::uint64_t low, Buffer& out) const;
  std::uint64_t high_half(std::uint64_t low) const;
  std::optional<std::uint64_t> place_of(std::string_view id, Kind kind) const;
  std::uint64_t patient_hash(std::uint32_t patient) const;
  void render_visit(ResourceType type, std::uint32_t patient, std::uint32_t number, Buffer& out) const;
  void render(const Template& text, Rendering& at, Buffer& out) const;
  char* write_slot(const Piece& piece, Rendering& at, char* out) const;
  char* write_name(const Piece& piece, const Rendering& at, char* out) const;

  Options options_;
  std::uint32_t patients_ = 0;
  std::uint64_t key_ = 0;
  TemplateSet patient_templates_;
  TemplateSet observation_templates_;
  TemplateSet encounter_templates_;
  TemplateSet condition_templates_;
  std::array<std::vector<std::string>, 4> names_;  // family, male, female, street
};

}  // namespace wellhead::fhirsim
