// Each rule of docs/design/loading.md.
#include "library/storage/postgres/loader.h"

#include <array>
#include <barrier>
#include <thread>

#include "library/storage/postgres/loader_fixture.h"

namespace wellhead::storage {
namespace {

using testing::ElementsAre;

TEST_F(LoaderTest, NewRowsAreInsertedWithWhereTheyComeFrom) {
  const auto run = new_run();
  const auto first = stage(run, "patient", {{"a", "Ann"}, {"b", "Bob"}});
  const auto second = stage(run, "patient", {{"c", "\"O\"\"Neil, C\"", "", ""}}, 5);
  EXPECT_THAT(texts(load(run, {first, second})), ElementsAre("patient: 3 = 0 + 3 + 0 + 0 + 0"));
  EXPECT_THAT(
      rows("SELECT concat_ws(' ', id, family, blob_key, raw_frame, raw_index, run_id, last_seen_run, fetched_at) "
           "FROM patient JOIN raw_blob USING (raw_blob_id) ORDER BY id"),
      ElementsAre("a Ann raw/1/1 0 0 1 1 2026-06-01 00:00:00+00", "b Bob raw/1/1 0 1 1 1 2026-06-01 00:00:00+00",
                  "c O\"Neil, C raw/1/2 0 0 1 1 2026-06-01 00:05:00+00"));
  EXPECT_THAT(rows("SELECT concat_ws(' ', batch, rows, inserted) FROM load_ledger ORDER BY batch"),
              ElementsAre("1 2 2", "2 1 1"));
}

TEST_F(LoaderTest, LoadingTheUnchangedInsertsAndUpdatesNothing) {
  const auto first = new_run();
  load(first, {stage(first, "observation", {{"o", "1", "1", "", {"x", "y"}}, {"p", "2"}})});
  const auto before =
      rows("SELECT concat_ws(' ', id, run_id, raw_blob_id, loaded_at, digest) FROM observation ORDER BY id");
  const auto second = new_run();
  EXPECT_THAT(texts(load(second, {stage(second, "observation", {{"o", "1", "1", "", {"x", "y"}}, {"p", "2"}}, 60)})),
              ElementsAre("observation: 2 = 0 + 0 + 0 + 2 + 0", "observation_component: 2 = 0 + 0 + 0 + 2 + 0"));
  EXPECT_EQ(rows("SELECT concat_ws(' ', id, run_id, raw_blob_id, loaded_at, digest) FROM observation ORDER BY id"),
            before);
  EXPECT_THAT(rows("SELECT DISTINCT last_seen_run FROM observation"), ElementsAre("2"));
  EXPECT_THAT(rows("SELECT DISTINCT last_seen_run FROM observation_component"), ElementsAre("2"));
}

TEST_F(LoaderTest, RepeatedKeyInAGroupKeepsTheNewest) {
  const auto run = new_run();
  const auto one = stage(run, "patient", {{"a", "old", "1", "2026-01-01T00:00:00Z"}, {"b", "only"}});
  const auto two = stage(run, "patient", {{"a", "new", "1", "2026-01-02T00:00:00Z"}});
  const auto three = stage(run, "patient", {{"a", "old", "9", "2026-01-01T00:00:00Z"}});
  EXPECT_THAT(texts(load(run, {one, two, three})), ElementsAre("patient: 4 = 2 + 2 + 0 + 0 + 0"));
  EXPECT_THAT(patients(), ElementsAre("a new 1", "b only 1"));
  EXPECT_THAT(rows("SELECT concat_ws(' ', batch, duplicates, inserted) FROM load_ledger ORDER BY batch"),
              ElementsAre("1 1 1", "2 0 1", "3 1 0"));
}

TEST_F(LoaderTest, RepeatedObservationBringsOnlyItsOwnComponents) {
  const auto run = new_run();
  const auto one = stage(run, "observation", {{"o", "1", "1", "", {"x", "y"}}});
  const auto two = stage(run, "observation", {{"o", "2", "2", "", {"z"}}, {"p", "3"}});
  EXPECT_THAT(texts(load(run, {one, two})),
              ElementsAre("observation: 3 = 1 + 2 + 0 + 0 + 0", "observation_component: 3 = 2 + 1 + 0 + 0 + 0"));
  EXPECT_THAT(components(), ElementsAre("o z"));
}

TEST_F(LoaderTest, KeyRepeatedInALaterGroupIsADuplicateAndTheNewestStillWins) {
  const auto run = new_run();
  load(run, {stage(run, "patient", {{"a", "first", "1"}, {"b", "same"}})});
  EXPECT_THAT(texts(load(run, {stage(run, "patient", {{"a", "second", "2"}, {"b", "same"}, {"c", "new"}})})),
              ElementsAre("patient: 3 = 2 + 1 + 0 + 0 + 0"));
  EXPECT_THAT(patients(), ElementsAre("a second 1", "b same 1", "c new 1"));
}

struct Versions {
  Resource first, second;
  int minutes_between;  // of the fetches
  std::string winner;
};

TEST_F(LoaderTest, WhichVersionWinsAcrossRunsAndWithinAGroup) {
  const std::vector<Versions> cases = {
      {{"", "A", "1", "2026-01-02T00:00:00Z"}, {"", "B", "9", "2026-01-01T00:00:00Z"}, 9, "A"},  // later lastUpdated
      {{"", "A", "9", "2026-01-01T00:00:00Z"}, {"", "B", "1", "2026-01-02T00:00:00Z"}, -9, "B"},
      {{"", "A", "10", "2026-01-01T00:00:00Z"},
       {"", "B", "9", "2026-01-01T00:00:00Z"},
       9,
       "A"},  // equal: versionId as a number
      {{"", "A", "9", "2026-01-01T00:00:00Z"}, {"", "B", "10", "2026-01-01T00:00:00Z"}, -9, "B"},
      {{"", "A", "2", ""}, {"", "B", "1", "2026-01-01T00:00:00Z"}, 9, "A"},  // absent in one: versionId
      {{"", "A", "z", "2026-01-01T00:00:00Z"},
       {"", "B", "1", "2026-01-01T00:00:00Z"},
       9,
       "B"},  // no integers: later fetch
      {{"", "A", "z", "2026-01-01T00:00:00Z"}, {"", "B", "1", "2026-01-01T00:00:00Z"}, -9, "A"},
      {{"", "A", "", ""}, {"", "B", "", ""}, 9, "B"},
      {{"", "A", "99999999999999999999", ""}, {"", "B", "99999999999999999998", ""}, 9, "B"},  // no bigint: no order
  };
  int number = 0;
  for (auto versions : cases) {
    versions.first.id = versions.second.id = "across" + std::to_string(++number);
    const auto one = new_run();
    load(one, {stage(one, "patient", {versions.first}, 30)});
    const auto two = new_run();
    const auto counts = load(two, {stage(two, "patient", {versions.second}, 30 + versions.minutes_between)});
    EXPECT_EQ(counts.at(0).older, versions.winner == "A" ? 1 : 0) << number;
    EXPECT_EQ(counts.at(0).updated, versions.winner == "B" ? 1 : 0) << number;
    EXPECT_THAT(rows("SELECT family || last_seen_run FROM patient WHERE id = '" + versions.first.id + "'"),
                ElementsAre(versions.winner + std::to_string(two.value)))
        << number;

    versions.first.id = versions.second.id = "within" + std::to_string(number);
    const auto a = stage(two, "patient", {versions.first}, 30);
    const auto b = stage(two, "patient", {versions.second}, 30 + versions.minutes_between);
    load(two, {a, b});
    EXPECT_THAT(rows("SELECT family FROM patient WHERE id = '" + versions.first.id + "'"), ElementsAre(versions.winner))
        << number;
  }
}

TEST_F(LoaderTest, OlderAfterNewerChangesNothingButLastSeen) {
  const auto one = new_run();
  load(one, {stage(one, "observation", {{"o", "new", "2", "2026-01-02T00:00:00Z", {"x"}}})});
  const auto before = rows(
      "SELECT concat_ws(' ', o.*) FROM (SELECT id, value, run_id, digest, raw_blob_id, loaded_at, fetched_at FROM "
      "observation) o");
  const auto two = new_run();
  EXPECT_THAT(
      texts(load(two, {stage(two, "observation", {{"o", "old", "1", "2026-01-01T00:00:00Z", {"y", "z"}}}, 60)})),
      ElementsAre("observation: 1 = 0 + 0 + 0 + 0 + 1", "observation_component: 2 = 0 + 0 + 0 + 0 + 2"));
  EXPECT_EQ(rows("SELECT concat_ws(' ', o.*) FROM (SELECT id, value, run_id, digest, raw_blob_id, loaded_at, "
                 "fetched_at FROM observation) o"),
            before);
  EXPECT_THAT(components(), ElementsAre("o x"));
  EXPECT_THAT(rows("SELECT last_seen_run FROM observation"), ElementsAre("2"));
}

TEST_F(LoaderTest, AnUnchangedRowCountsAsFetchedAgain) {
  const auto one = new_run();
  load(one, {stage(one, "patient", {{"a", "A", "", ""}}, 10)});
  const auto two = new_run();
  load(two, {stage(two, "patient", {{"a", "A", "", ""}}, 30)});
  const auto three = new_run();
  EXPECT_EQ(load(three, {stage(three, "patient", {{"a", "B", "", ""}}, 20)}).at(0).older, 1);
  EXPECT_THAT(patients(), ElementsAre("a A 3"));
}

TEST_F(LoaderTest, ComponentsOfAChangedObservationAreReplaced) {
  const auto one = new_run();
  load(one, {stage(one, "observation", {{"o", "1", "1", "", {"x", "y"}}, {"p", "1", "1", "", {"kept"}}})});
  const auto two = new_run();
  EXPECT_THAT(
      texts(load(two,
                 {stage(two, "observation",
                        {{"o", "1", "2", "", {"y"}}, {"p", "1", "1", "", {"kept"}}, {"q", "1", "1", "", {"new"}}})})),
      ElementsAre("observation: 3 = 0 + 1 + 1 + 1 + 0", "observation_component: 3 = 0 + 1 + 1 + 1 + 0"));
  EXPECT_THAT(components(), ElementsAre("o y", "p kept", "q new"));
  const auto three = new_run();
  load(three, {stage(three, "observation", {{"o", "1", "3"}})});  // none left: the batch has no blob of components
  EXPECT_THAT(components(), ElementsAre("p kept", "q new"));
}

TEST_F(LoaderTest, ChangedViewRefreshesRows) {
  const auto one = new_run();
  load(one, {stage(one, "patient", {{"a", "A"}}, 10)});
  const auto two = new_run();
  EXPECT_EQ(load(two, {stage(two, "patient", {{.id = "a", .value = "A", .view = "changed"}}, 20)}).at(0).updated, 1);
  EXPECT_THAT(rows("SELECT concat_ws(' ', run_id, fetched_at) FROM patient"), ElementsAre("2 2026-06-01 00:20:00+00"));
}

TEST_F(LoaderTest, BlobOfAnEarlierRunIsLoadedAgain) {
  const auto one = new_run();
  auto batch = stage(one, "patient", {{"a", "A"}});
  load(one, {batch});
  const auto two = new_run();
  record(two, batch);
  connection_.execute("DELETE FROM patient");
  EXPECT_THAT(texts(load(two, {batch})), ElementsAre("patient: 1 = 0 + 1 + 0 + 0 + 0"));
}

TEST_F(LoaderTest, BlobThatThisRunHasLoadedIsSkippedAndAnswersAsBefore) {
  const auto run = new_run();
  const auto one = stage(run, "patient", {{"a", "A"}, {"b", "B"}});
  const auto first = load(run, {one});
  connection_.execute("DELETE FROM patient WHERE id = 'a'");
  EXPECT_EQ(texts(load(run, {one})), texts(first));
  EXPECT_EQ(load(run, {one}).at(0).skipped_rows, 2);
  EXPECT_EQ(count("patient"), 1);
  EXPECT_THAT(texts(load(run, {one, stage(run, "patient", {{"c", "C"}})})),
              ElementsAre("patient: 3 = 0 + 3 + 0 + 0 + 0"));
  EXPECT_EQ(count("load_ledger"), 2);
}

TEST_F(LoaderTest, PatientNoLongerFoundKeepsItsLastSeenRun) {
  const auto one = new_run();
  load(one, {stage(one, "patient", {{"a", "A"}, {"b", "B"}})});
  const auto two = new_run();
  load(two, {stage(two, "patient", {{"a", "A"}})});
  EXPECT_THAT(patients(), ElementsAre("a A 2", "b B 1"));
}

TEST_F(LoaderTest, OlderRunThatComesLateDoesNotLowerLastSeen) {
  const auto one = new_run();
  const auto two = new_run();
  load(two, {stage(two, "patient", {{"a", "A", "1"}})});
  EXPECT_EQ(load(one, {stage(one, "patient", {{"a", "A", "1"}})}).at(0).unchanged, 1);
  EXPECT_EQ(load(one, {stage(one, "patient", {{"a", "B", "2"}})}).at(0).updated, 1);
  EXPECT_THAT(patients(), ElementsAre("a B 2"));
}

TEST_F(LoaderTest, ZipcodePatientKeepsFirstSeenAndFollowsTheAddress) {
  const auto matches = [&](RunId run, const std::string& csv) {
    BatchToLoad batch{.batch = BatchId{++last_batch_}, .blobs = {}};
    std::string rows;
    for (const char c : csv) rows += c == '#' ? std::to_string(last_batch_) : std::string(1, c);
    batch.blobs.push_back(put("zipcode_patient", rows));
    record(run, batch, static_cast<int>(last_batch_));
    return batch;
  };
  const auto one = new_run();
  EXPECT_THAT(
      texts(load(one, {matches(one, "a,0,02139,#\nb,0,02139,#\nc,0,02139,#\n"), matches(one, "a,1,02139-1234,#\n")})),
      ElementsAre("zipcode_patient: 4 = 1 + 3 + 0 + 0 + 0"));
  const auto two = new_run();
  EXPECT_THAT(texts(load(two, {matches(two, "a,1,02139-1234,#\nb,2,02139,#\n")})),
              ElementsAre("zipcode_patient: 2 = 0 + 0 + 1 + 1 + 0"));
  EXPECT_EQ(load(two, {matches(two, "b,2,02139,#\n")}).at(0).duplicates, 1);
  EXPECT_EQ(load(one, {matches(one, "b,9,02139-9999,#\n")}).at(0).older, 1);
  EXPECT_THAT(
      rows("SELECT concat_ws(' ', zipcode, patient_id, address_index, postal_code, first_seen_run, last_seen_run) "
           "FROM zipcode_patient ORDER BY patient_id"),
      ElementsAre("02139 a 1 02139-1234 1 2", "02139 b 2 02139 1 2", "02139 c 0 02139 1 1"));
}

TEST_F(LoaderTest, TwoZipcodesThatSharePatientsLoadAtOnce) {
  constexpr int kPatients = 2000;
  const std::vector<std::string> zipcodes = {"02139", "02140"};
  std::vector<LoadRequest> requests;
  for (std::size_t zip = 0; zip < 2; ++zip) {
    const auto run = new_run(zipcodes[zip]);
    std::vector<BatchToLoad> batches;
    for (int part = 0; part < 4; ++part) {
      std::vector<Resource> resources;
      for (int i = 0; i < kPatients / 4; ++i)
        resources.push_back({"p" + std::to_string(part * kPatients / 4 + i), "same"});
      if (zip == 1) std::ranges::reverse(resources);
      batches.push_back(stage(run, "patient", resources, static_cast<int>(zip)));
    }
    if (zip == 1) std::ranges::reverse(batches);
    for (auto& batch : batches) requests.push_back(request(run, {batch}, zipcodes[zip]));
  }
  std::array<std::int64_t, 2> inserted{}, unchanged{};
  std::barrier together(2);
  const auto work = [&](std::size_t zip) {
    auto connection = database_.connect();
    together.arrive_and_wait();
    for (std::size_t i = zip * 4; i < zip * 4 + 4; ++i) {
      const auto counts = load_batches(connection, *store_, requests[i], no_fence);
      inserted[zip] += counts.at(0).inserted;
      unchanged[zip] += counts.at(0).unchanged;
    }
  };
  {
    const std::jthread other(work, 1);
    work(0);
  }
  EXPECT_EQ(inserted[0] + inserted[1], kPatients);
  EXPECT_EQ(unchanged[0] + unchanged[1], kPatients);
  EXPECT_EQ(count("patient"), kPatients);
}

TEST_F(LoaderTest, TwoCallsForTheSameBatchLoadItOnce) {
  const auto run = new_run();
  const auto batch = stage(run, "patient", {{"a", "A"}, {"b", "B"}});
  std::barrier together(2);
  std::array<std::vector<std::string>, 2> answers;
  const auto work = [&](std::size_t which) {
    auto connection = database_.connect();
    together.arrive_and_wait();
    answers[which] = texts(load_batches(connection, *store_, request(run, {batch}), no_fence));
  };
  {
    const std::jthread other(work, 1);
    work(0);
  }
  EXPECT_THAT(answers[0], ElementsAre("patient: 2 = 0 + 2 + 0 + 0 + 0"));
  EXPECT_EQ(answers[0], answers[1]);
  EXPECT_EQ(count("load_ledger"), 1);
}

}  // namespace
}  // namespace wellhead::storage
