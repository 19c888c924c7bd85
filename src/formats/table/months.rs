//! The names of the months in the languages that exports are printed in.

/// Month, and how its name begins in the languages of exports, in lower case. The longest beginning that fits decides.
const BEGINNINGS: &[(i8, &str)] = &[
    (1, "jan jän ene gen sty led tammi oca янв"),
    (2, "feb fév fev lut úno uno helmi şub sub фев"),
    (3, "mar mär mrz mrt maa bře bre мар"),
    (4, "apr abr avr kwi dub huhti nis апр"),
    (5, "may mai maj mei mag kvě kve touko мая май"),
    (6, "jun juin jún giu cze červ čvn kesä kesa haz июн"),
    (7, "jul juil júl lug lip červenc červenec čvc heinä heina tem июл"),
    (8, "aug aoû aou ago sie srp elo ağu agu авг"),
    (9, "sep set wrz zář zar syys eyl сен"),
    (10, "oct okt out ott paź paz říj rij loka eki окт"),
    (11, "nov lis marras kas ноя"),
    (12, "dec dez déc dic gru pro joulu ara дек"),
];

/// The month of this name or abbreviation, 1 to 12.
pub fn month(word: &str) -> Option<i8> {
    let word = word.to_lowercase();
    let beginnings = BEGINNINGS.iter().flat_map(|(month, words)| words.split(' ').map(move |known| (known, *month)));
    let fitting = beginnings.filter(|(known, _)| word.starts_with(known));
    fitting.max_by_key(|(known, _)| known.len()).map(|(_, month)| month)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In full and as abbreviated by the Unicode locale data, from January to December.
    const YEARS: &[&str] = &[
        "january february march april may june july august september october november december",
        "jan feb mar apr may jun jul aug sep oct nov dec",
        "januar februar märz april mai juni juli august september oktober november dezember",
        "jän feb mrz apr mai jun jul aug sept okt nov dez",
        "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "janv févr mars avr mai juin juil août sept oct nov déc",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "ene feb mar abr may jun jul ago sept oct nov dic",
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "gen feb mar apr mag giu lug ago set ott nov dic",
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "januari februari maart april mei juni juli augustus september oktober november december",
        "jan feb mrt apr mei jun jul aug sep okt nov dec",
        "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
        "sty lut mar kwi maj cze lip sie wrz paź lis gru",
        "ledna února března dubna května června července srpna září října listopadu prosince",
        "leden únor březen duben květen červen červenec srpen září říjen listopad prosinec",
        "led úno bře dub kvě čvn čvc srp zář říj lis pro",
        "januari februari mars april maj juni juli augusti september oktober november december",
        "januar februar marts april maj juni juli august september oktober november december",
        "tammikuuta helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta syyskuuta lokakuuta marraskuuta joulukuuta",
        "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
        "янв февр март апр май июнь июль авг сент окт нояб дек",
        "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",
        "oca şub mar nis may haz tem ağu eyl eki kas ara",
    ];

    #[test]
    fn all_languages() {
        for year in YEARS {
            let months: Vec<_> = year.split(' ').map(month).collect();
            assert_eq!(months, (1..=12).map(Some).collect::<Vec<_>>(), "{year}");
        }
        assert_eq!(month("DÉC"), Some(12));
        for word in ["", "ju", "x", "de", "uhr"] {
            assert_eq!(month(word), None, "{word}");
        }
    }
}
