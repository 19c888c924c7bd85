//! What Strava and Garmin call the sports in other languages than English, and their activity types.
//!
//! Facts: exports of accounts in these languages and the vendors' translated pages. A word that is not here is kept and
//! counted as unknown.

use super::sport_words;
use crate::workout::ActivityType;

/// The activity type of a sport by its name in one of the languages of exports, English among them.
pub fn activity_type(word: &str) -> Option<ActivityType> {
    let plain: String = word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let known = || WORDS.iter().find(|(_, words)| words.split_whitespace().any(|known| known == plain));
    sport_words::activity_type(word).or_else(|| known().map(|(number, _)| ActivityType::known(*number)))
}

/// Activity type, and the words for it: lower case, letters and digits only.
const WORDS: &[(u8, &str)] = &[
    (
        8,
        "lauf laufen traillauf trailrunning courseàpied course trail carrera correr carreradetrail corsa corsasusentiero
         hardlopen trailrun corrida trilha bieganie bieg běh löpning løb løping juoksu бег koşu ランニング ラン 跑步
         strassenlauf bahnlauf ultralauf ultrarunning",
    ),
    (58, "laufband virtuellerlauf courseàpiedvirtuelle tapisroulant courseàpiedsurtapis cintadecorrer carreravirtual corsavirtuale loopband"),
    (
        1,
        "radfahrt radfahren gravelfahrt gravelbiken ebikefahrt vélo cyclisme sortievélo vélogravel gravel vélovae ciclismo
         bicicleta vueltaenbicicleta giroinbici pedalata fietsen fietsrit wielrennen pedalada jazdanarowerze kolarstwo rower
         jízda cyklistika cykling sykling cykeltur pyöräily велосипед заезд велоспорт bisiklet ライド サイクリング 骑行
         gravelunpavedcycling gravelradfahren ebiking",
    ),
    (16, "rennradfahren cyclismesurroute ciclismoencarretera ciclismosustrada wielrennenopdeweg"),
    (15, "mountainbikefahrt mountainbiken vtt sortievtt ciclismodemontaña mountainbikefietsen vttae emountainbikefahrt"),
    (18, "virtuelleradfahrt indoorradfahren hallenradfahren cyclismevirtuel sortievirtuelle cyclismeensalle ciclismovirtual virtualcycling ciclismoindoor ciclismointerior indoorfietsen virtuelerit pedalatavirtuale"),
    (7, "spaziergang gehen marche marcheàpied caminata caminar camminata passeggiata wandeling wandelen caminhada spacer chód chůze promenad gang gåtur kävely ходьба yürüyüş ウォーキング 步行 散步"),
    (35, "wanderung wandern randonnée randonnéepédestre excursionismo senderismo caminatademontaña escursionismo escursione hike trilhaapé wędrówka wędrówki túra turistika vandring vandretur vaellus поход doğayürüyüşü ハイキング 徒步"),
    (82, "schwimmen natation nage natación nuoto zwemmen natação pływanie plavání simning svømning svømming uinti плавание yüzme スイム 水泳 游泳"),
    (83, "schwimmbadschwimmen poolschwimmen schwimmbad natationenpiscine nataciónenpiscina nuotoinpiscina zwemmeninzwembad poolswim"),
    (84, "freiwasserschwimmen natationeneaulibre nataciónenaguasabiertas nuotoinacquelibere openwaterzwemmen openwaterswim"),
    (80, "krafttraining gewichtstraining musculation entraînementauxpoids entrenamientoconpesas entrenamientodefuerza pesas allenamentoconipesi potenziamento pesi krachttraining treinodeforça musculação treningsiłowy posilování styrketräning styrketræning styrketrening силовыетренировки weightlifting"),
    (100, "ioga joga йога ヨガ 瑜伽"),
    (25, "crosstrainer ellipsentrainer vélodelliptique elliptique elíptica ellittica crosstraining"),
    (78, "stairstepper stepper treppensteigen simulateurdescalier"),
    (53, "rudern aviron remo canottaggio roeien wioślarstwo"),
    (54, "indoorrudern rudergerät avironensalle indoorroeien remoindoor"),
    (68, "skialpin skifahren skifahrensnowboarden esquíalpino scialpino skiën alpineskiën narciarstwoalpejskie"),
    (66, "skitour skitouren skiderandonnée esquídetravesía scialpinismo toerskiën"),
    (67, "langlauf skilanglauf nordicskiing skidefond skinordique esquídefondo scidifondo langlaufen"),
    (73, "snowboarden snowboarding snowboardfahren planchedeneige"),
    (75, "schneeschuhwandern raquette raquettes raquetasdenieve ciaspole ciaspolata sneeuwschoenwandelen"),
    (104, "eislaufen schlittschuhlaufen patinageàglace patinajesobrehielo pattinaggiosughiaccio schaatsen"),
    (64, "inlineskaten rollerenligne roller patinajeenlínea pattinaggioinlinea inlineskating"),
    (52, "klettern escalade escalada arrampicata klimmen wspinaczka"),
    (40, "kajak kajakfahren kanu kanufahren kayak canoë piragüismo piragua canoa kajakken"),
    (79, "standuppaddling standuppaddle stehpaddeln suppen"),
    (32, "golfen ゴルフ"),
    (87, "tenis tênis テニス padel paddletennis"),
    (29, "fussball fußball football fútbol calcio voetbal futebol"),
    (49, "pilatestraining"),
    (114, "hochintensivesintervalltraining entraînementparintervallesàhauteintensité"),
    (45, "meditieren méditation meditación meditazione"),
    (122, "atemarbeit atemübung respiration"),
    (
        108,
        "workout training entraînement entrenamiento allenamento treino trening trénink träning træning harjoitus тренировка
         antrenman andere sonstige autre otro altro anders ワークアウト 锻炼 cardiotraining cardiofitness",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_of_the_api() {
        for (number, _) in WORDS {
            assert!(ActivityType::new((*number).into()).is_some(), "{number}");
        }
    }

    #[test]
    fn words_of_several_languages() {
        for (word, number) in [
            ("Radfahrt", 1),
            ("Course à pied", 8),
            ("Lauf", 8),
            ("Natación", 82),
            ("Wandelen", 7),
            ("Wanderung", 35),
            ("Бег", 8),
            ("Football (Soccer)", 29),
            ("Virtual Ride", 18),
        ] {
            assert_eq!(activity_type(word).map(ActivityType::number), Some(number), "{word}");
        }
        assert_eq!(activity_type("Quidditch"), None);
    }
}
