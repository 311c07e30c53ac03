#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "app/fhirsim/bundles_test.h"
#include "tests/fixture/fhirsim.h"

namespace wellhead::fhirsim {
namespace {

using fixture::FhirSim;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

const std::string kSearch = "/fhir/Patient?address-postalcode=02139&_count=4";

TEST(PagingTest, LinksLeadThroughAllEntriesOnce) {
  const FhirSim server({"--generate", "10"});
  const auto first = get_bundle(server, kSearch);
  EXPECT_THAT(first.ids, SizeIs(4));
  EXPECT_EQ(first.total, std::nullopt);
  EXPECT_THAT(first.next, StartsWith("/fhir?_getpages="));
  EXPECT_THAT(first.next, HasSubstr("&_getpagesoffset=4&_count=4&_bundletype=searchset"));
  const auto second = get_bundle(server, first.next);
  EXPECT_EQ(second.total, std::nullopt);
  const auto last = get_bundle(server, second.next);
  EXPECT_THAT(last.ids, SizeIs(2));
  EXPECT_EQ(last.total, 10);
  EXPECT_THAT(last.next, IsEmpty());
  const auto ids = all_ids(server, kSearch);
  EXPECT_THAT(std::set(ids.begin(), ids.end()), SizeIs(10));
}

TEST(PagingTest, AccurateTotalsAndCountsAreGivenWhenAskedFor) {
  const FhirSim server({"--generate", "10"});
  EXPECT_EQ(get_bundle(server, kSearch + "&_total=accurate").total, 10);
  for (const std::string only_total : {"&_summary=count", "&_count=0"}) {
    const auto bundle = get_bundle(server, "/fhir/Patient?address-postalcode=02139" + only_total);
    EXPECT_EQ(bundle.total, 10);
    EXPECT_THAT(bundle.ids, IsEmpty());
  }
}

TEST(PagingTest, TotalsCanBeGivenAlwaysOrNever) {
  const FhirSim always({"--generate", "10", "--totals", "always"});
  EXPECT_EQ(get_bundle(always, kSearch).total, 10);
  const FhirSim never({"--generate", "10", "--totals", "never"});
  EXPECT_EQ(get_bundle(never, kSearch + "&_total=accurate").total, std::nullopt);
  EXPECT_EQ(get_bundle(never, "/fhir/Patient?_summary=count").total, std::nullopt);
}

TEST(PagingTest, PagesHaveADefaultAndALargestSize) {
  const FhirSim server({"--generate", "30", "--page-default", "7", "--page-max", "9"});
  EXPECT_THAT(get_bundle(server, "/fhir/Patient").ids, SizeIs(7));
  EXPECT_THAT(get_bundle(server, "/fhir/Patient?_count=1000").ids, SizeIs(9));
  EXPECT_EQ(server.request("GET", "/fhir/Patient?_count=many").status, 400);
}

TEST(PagingTest, UnknownLinkIsGone) {
  const FhirSim server({"--generate", "10"});
  const auto answer = server.request("GET", "/fhir?_getpages=11111111-2222-3333-4444-555555555555&_getpagesoffset=4");
  EXPECT_EQ(answer.status, 410);
  EXPECT_THAT(answer.body, HasSubstr("HAPI-0417"));
}

TEST(PagingTest, LinksExpire) {
  const FhirSim server({"--generate", "10", "--page-expiry-ms", "0", "--reuse-ms", "0"});
  const auto first = get_bundle(server, kSearch);
  // Any time at all is later than an expiry of zero; a clock tick lies between two requests.
  EXPECT_EQ(server.request("GET", first.next).status, 410);
}

TEST(PagingTest, WhatIsDeletedMeanwhileMakesAShortPageAndAStaleTotal) {
  FhirSim server({"--generate", "10"});
  const auto ids = all_ids(server, "/fhir/Patient?_count=100");
  const auto first = get_bundle(server, "/fhir/Patient?_count=5", {"Cache-Control: no-cache"});
  server.delete_resource("Patient", ids[7]);
  const auto last = get_bundle(server, first.next);
  EXPECT_THAT(last.ids, SizeIs(4));
  EXPECT_EQ(last.total, 10);
}

TEST(PagingTest, TheSameSearchComesFromACacheUnlessRefused) {
  FhirSim server({"--generate", "10"});
  const std::string search = "/fhir/Patient?address-postalcode=02139&_summary=count";
  EXPECT_EQ(get_bundle(server, search).total, 10);
  server.put_resource(patient_json("new", {"02139"}));
  const auto answer = server.request("GET", search);
  EXPECT_THAT(answer.headers.at("x-cache"), StartsWith("HIT"));
  EXPECT_EQ(read_bundle(server, answer.body).total, 10);
  EXPECT_EQ(get_bundle(server, search, {"Cache-Control: no-cache"}).total, 11);
}

TEST(PagingTest, ManyPatientsObservationsArePagedToo) {
  const FhirSim server({"--generate", "12", "--observations", "30"});
  std::string list;
  for (const auto& id : all_ids(server, "/fhir/Patient?_count=100")) list += (list.empty() ? "" : ",") + id;
  const auto ids = all_ids(server, "/fhir/Observation?_count=100&patient=" + list);
  EXPECT_THAT(std::set(ids.begin(), ids.end()), SizeIs(360));
}

TEST(PagingTest, GzipIsGivenOnlyWhenSwitchedOnAndAccepted) {
  const FhirSim plain({"--generate", "10"});
  EXPECT_FALSE(plain.request("GET", kSearch, {}, {"Accept-Encoding: gzip"}).headers.contains("content-encoding"));
  const FhirSim compressing({"--generate", "10", "--gzip"});
  EXPECT_FALSE(compressing.request("GET", kSearch).headers.contains("content-encoding"));
  const auto answer = compressing.request("GET", kSearch, {}, {"Accept-Encoding: gzip"});
  EXPECT_EQ(answer.headers.at("content-encoding"), "gzip");
  EXPECT_THAT(answer.body, StartsWith("\x1f\x8b"));
  EXPECT_LT(answer.body.size(), 6'000U);
}

}  // namespace
}  // namespace wellhead::fhirsim
