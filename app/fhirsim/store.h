// All resources of the server: generated ones, which are numbers only, and stored ones, which are text. A stored one
// may stand in for a generated one that was replaced or deleted.
//
// A Ref names one state of a resource. It stays good for as long as the store (until reset()), so a search's result can
// be a list of Refs: what was replaced meanwhile is shown as it is now, what was deleted is left out, as HAPI does.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "app/fhirsim/buffer.h"
#include "app/fhirsim/generator.h"
#include "app/fhirsim/instant.h"
#include "app/fhirsim/resource_text.h"

namespace wellhead::fhirsim {

struct Ref {
  std::uint64_t value = 0;
  bool operator==(const Ref&) const = default;
};

class Store {
 public:
  struct Options {
    Generator::Options generated;
    std::vector<std::string> files;
    Instant last_updated = 0;  // of stored resources without one
  };
  // Reads the files. Throws meta::Error{invalid_input}, naming file and line.
  explicit Store(Options options);

  // Creates or replaces; a version and time that the resource does not give itself are the next and `now`. Throws
  // meta::Error{invalid_input}.
  void put(std::string_view json, Instant now);
  // Text that is served as it is wherever the search value fits: a postal code or a patient's id.
  void put_raw(ResourceType type, std::string_view search_value, std::string_view text, Instant now);
  // False when there is none.
  bool remove(ResourceType type, std::string_view id, Instant now);
  // Back to what the constructor made.
  void reset();

  enum class Presence { absent, present, deleted };
  struct Found {
    Presence presence = Presence::absent;
    Ref ref;
  };
  Found find(ResourceType type, std::string_view id) const;

  // In the order of creation. matches: whether one of a patient's postal codes fits.
  std::vector<Ref> patients(const std::function<bool(std::string_view postal_code)>& matches) const;
  std::vector<Ref> all(ResourceType type) const;
  // Appends the resources of a type, not Patient, that are about a patient.
  void resources_of(ResourceType type, std::string_view patient_id, std::vector<Ref>& out) const;

  // What `ref` has become by now; nullopt when it is deleted.
  std::optional<Ref> current(Ref ref) const;
  // For refs that current() returned.
  void write_id(Ref ref, Buffer& out) const;
  void render(Ref ref, Buffer& out) const;
  Instant last_updated(Ref ref) const;
  std::string version(Ref ref) const;

  std::uint64_t count(ResourceType type) const;

 private:
  struct Stored {
    const char* text = nullptr;
    std::uint32_t length = 0;
    std::uint32_t next = 0;  // the slot that replaced it; 0: none
    ResourceType type = ResourceType::patient;
    bool deleted = false;
    std::uint32_t version = 1;
    Instant last_updated = 0;
    std::string_view id;
    std::string_view patient_id;
  };
  struct PatientCodes {
    std::uint32_t slot = 0;
    std::vector<std::string> codes;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  void load();
  std::string_view keep(std::string_view text);
  std::uint32_t add_slot(Stored stored);
  void replace(Found old, std::uint32_t slot);
  void index(std::uint32_t slot, const ResourceFacts& facts);
  std::uint32_t version_number(Ref ref) const;
  std::vector<Ref> generated_of(ResourceType type, std::uint32_t patient) const;

  Options options_;
  std::optional<Generator> generator_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t block_room_ = 0;
  char* block_end_ = nullptr;
  std::vector<Stored> slots_;
  std::array<std::unordered_map<std::string_view, std::uint32_t>, kResourceTypes> ids_;
  std::unordered_map<std::uint64_t, std::uint32_t> replaced_;  // generated ref → slot
  std::vector<PatientCodes> patient_codes_;
  using ByPatient = std::unordered_map<std::string, std::vector<std::uint32_t>, TextHash, std::equal_to<>>;
  std::array<ByPatient, kResourceTypes> by_patient_;
};

}  // namespace wellhead::fhirsim
