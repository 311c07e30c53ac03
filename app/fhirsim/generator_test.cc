#include "app/fhirsim/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "app/fhirsim/resource_text.h"

namespace wellhead::fhirsim {
namespace {

Generator make_generator() {
  return Generator({.patients = 400, .observations = 40, .zips = {"02139"}, .seed = 3, .last_updated = 0});
}

TEST(GeneratorTest, IdsLeadBackToTheirNumbers) {
  const Generator generator = make_generator();
  for (const std::uint32_t patient : {0U, 1U, 399U}) {
    Buffer id;
    generator.write_patient_id(patient, id);
    EXPECT_EQ(generator.find_patient(id.view()), patient);
    EXPECT_FALSE(generator.find_observation(id.view()));
    Buffer observation;
    generator.write_observation_id(patient, 39, observation);
    const auto number = generator.find_observation(observation.view());
    ASSERT_TRUE(number);
    EXPECT_EQ(number->patient, patient);
    EXPECT_EQ(number->observation, 39U);
  }
  Buffer beyond;
  generator.write_patient_id(400, beyond);
  EXPECT_FALSE(generator.find_patient(beyond.view()));
  EXPECT_FALSE(generator.find_patient("00000000-0000-0000-0000-000000000000"));
}

TEST(GeneratorTest, EveryResourceIsValidAndSaysWhatTheGeneratorSays) {
  const Generator generator = make_generator();
  std::size_t bytes = 0;
  int plus4 = 0;
  int former = 0;
  for (std::uint32_t patient = 0; patient < generator.patients(); ++patient) {
    Buffer text;
    generator.render_patient(patient, text);
    EXPECT_FALSE(text.view().contains("{{"));
    const ResourceFacts facts = read_facts(text.view());
    EXPECT_EQ(generator.find_patient(facts.id), patient);
    const auto codes = generator.postal_codes(patient);
    ASSERT_FALSE(facts.postal_codes.empty());
    EXPECT_EQ(facts.postal_codes.front(), codes.current());
    EXPECT_EQ(facts.postal_codes.size() == 2, !codes.former.empty());
    EXPECT_TRUE(codes.current().starts_with("02139"));
    plus4 += codes.current().size() == 10 ? 1 : 0;
    former += codes.former.empty() ? 0 : 1;
    for (std::uint32_t number = 0; number < generator.observations(); ++number) {
      text.clear();
      generator.render_observation(patient, number, text);
      bytes += text.size();
      const ResourceFacts observation = read_facts(text.view());
      EXPECT_EQ(observation.patient_id, facts.id);
      EXPECT_EQ(observation.last_updated, generator.last_updated(patient));
    }
  }
  EXPECT_GT(plus4, 0);
  EXPECT_GT(former, 0);
  EXPECT_NEAR(static_cast<double>(bytes) / (400 * 40), 1050, 100);
}

TEST(ResourceTextTest, MetaIsCompletedNeverReplaced) {
  const auto completed = [](std::string_view json) { return with_meta(json, read_facts(json), 3, 0); };
  EXPECT_EQ(
      completed(R"({"resourceType":"Patient","id":"a"})"),
      R"({"resourceType":"Patient","id":"a","meta":{"versionId":"3","lastUpdated":"1970-01-01T00:00:00.000+00:00"}})");
  EXPECT_EQ(
      completed(R"({"id":"a", "meta":{"versionId":"9"},"resourceType":"Patient"})"),
      R"({"id":"a", "meta":{"lastUpdated":"1970-01-01T00:00:00.000+00:00","versionId":"9"},"resourceType":"Patient"})");
  EXPECT_EQ(
      completed(R"({"resourceType":"Patient","id":"a","meta":{}})"),
      R"({"resourceType":"Patient","id":"a","meta":{"versionId":"3","lastUpdated":"1970-01-01T00:00:00.000+00:00"}})");
  const std::string_view whole =
      R"({"resourceType":"Patient","id":"a","meta":{"lastUpdated":"2020-01-01T00:00:00Z","versionId":"1"}})";
  EXPECT_EQ(completed(whole), whole);
}

TEST(InstantTest, PartialDatesCoverTheirPeriod) {
  const auto check = [](std::string_view text, std::string_view begin, std::string_view end) {
    const auto period = parse_period(text);
    ASSERT_TRUE(period) << text;
    EXPECT_EQ(instant_text(period->begin), begin) << text;
    EXPECT_EQ(instant_text(period->end), end) << text;
  };
  check("2024", "2024-01-01T00:00:00.000+00:00", "2025-01-01T00:00:00.000+00:00");
  check("2024-02", "2024-02-01T00:00:00.000+00:00", "2024-03-01T00:00:00.000+00:00");
  check("2024-02-29", "2024-02-29T00:00:00.000+00:00", "2024-03-01T00:00:00.000+00:00");
  check("2024-02-29T10:00:00-05:00", "2024-02-29T15:00:00.000+00:00", "2024-02-29T15:00:01.000+00:00");
  check("2024-02-29T10:00:00.25Z", "2024-02-29T10:00:00.250+00:00", "2024-02-29T10:00:00.260+00:00");
  for (const auto wrong : {"", "24", "2023-02-29", "2024-13", "2024-01-01T", "2024-01-01T10:00:00X"}) {
    EXPECT_FALSE(parse_period(wrong)) << wrong;
  }
  EXPECT_EQ(http_date(784'111'777'000), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(GeneratorTest, EncountersAndConditionsAreGeneratedWhenAskedFor) {
  EXPECT_EQ(make_generator().count(ResourceType::encounter), 0U);
  const Generator generator({.patients = 20,
                             .observations = 20,
                             .encounters = 3,
                             .conditions = 2,
                             .zips = {"02139"},
                             .seed = 3,
                             .last_updated = 0});
  for (const auto type : {ResourceType::encounter, ResourceType::condition}) {
    for (std::uint32_t number = 0; number < generator.count(type); ++number) {
      Buffer text;
      generator.render(type, 7, number, text);
      EXPECT_FALSE(text.view().contains("{{"));
      const ResourceFacts facts = read_facts(text.view());
      EXPECT_EQ(facts.type, type);
      EXPECT_EQ(generator.find_patient(facts.patient_id), 7U);
      const auto found = generator.find_resource(type, facts.id);
      ASSERT_TRUE(found);
      EXPECT_EQ(found->patient, 7U);
      EXPECT_EQ(found->number, number);
      EXPECT_FALSE(generator.find_observation(facts.id));
    }
  }
  // The observations' encounters are there.
  Buffer observation;
  generator.render_observation(7, 19, observation);
  Buffer encounter;
  generator.write_resource_id(ResourceType::encounter, 7, 2, encounter);
  EXPECT_TRUE(observation.view().contains(encounter.view()));
}

}  // namespace
}  // namespace wellhead::fhirsim
