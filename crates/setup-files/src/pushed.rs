//! Which images a step pushes, as far as it says so itself.

/// Commands that push the image that stands behind them.
const PUSHES: [&str; 2] = ["docker push", "podman push"];

/// Options and keys before the names of what is built and pushed at once.
const TAGS: [&str; 4] = ["--tag", "-t", "tags:", "--tags"];

/// Characters with which something begins that is filled in later.
const FILLED_IN: [char; 4] = ['$', '{', '<', '%'];

/// Whether a step says of each image that it pushes at which registry that is: a name with nothing before it is Docker Hub's.
pub(crate) fn is_said(step: &str) -> bool {
    let names = pushed(step);
    let is_literal = |name: &&str| {
        let first = name.split(['/', ':']).next().unwrap_or_default();
        !first.is_empty() && !first.contains(FILLED_IN)
    };
    !names.is_empty() && names.iter().all(is_literal)
}

/// The names of what is pushed; none where they do not show.
fn pushed(step: &str) -> Vec<&str> {
    let lines = step
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let mut names = Vec::new();
    let mut list = None;
    for line in lines {
        let column = line.len() - line.trim_start().len();
        if let Some(key) = list {
            if column > key {
                names.push(bare(line.trim_start_matches([' ', '-'])));
                continue;
            }
            list = None;
        }
        for command in PUSHES {
            for (at, _) in line.match_indices(command) {
                let words = line[at + command.len()..].split_whitespace();
                names.extend(words.map(bare).find(|word| !word.starts_with('-')));
            }
        }
        let (is_key, found) = tagged(line);
        if is_key && found.is_empty() {
            list = Some(column);
        }
        names.extend(found);
    }
    names
}

/// The names behind the options and the key of a line, and whether the key is there.
fn tagged(line: &str) -> (bool, Vec<&str>) {
    let mut names = Vec::new();
    let mut is_key = false;
    let mut words = line.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let word = word.trim_start_matches(['{', ',']);
        if let Some(name) = word
            .strip_prefix("--tag=")
            .or_else(|| word.strip_prefix("-t="))
        {
            names.push(bare(name));
        } else if TAGS.contains(&word) {
            is_key |= word.ends_with(':');
            let next = words
                .peek()
                .filter(|next| !next.starts_with(['|', '>', '#']));
            names.extend(next.map(|next| bare(next)));
        }
    }
    (is_key, names)
}

/// A word without its quotes, and without what closes the brackets around it.
fn bare(word: &str) -> &str {
    let word = word.trim_start_matches(['"', '\'', '[']);
    word.trim_end_matches(['"', '\'', ']', '}', ',', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_says_where_it_pushes_unless_something_is_filled_in() {
        for (step, said) in [
            ("run: docker push iseepatterns/app:latest", true),
            (
                "run: docker push 'iseepatterns/app:${{ github.sha }}'",
                true,
            ),
            ("run: docker build -t app . && docker push app", true),
            ("run: docker push $IMAGE", false),
            ("run: docker push ${{ secrets.DOCKER_USERNAME }}/app", false),
            ("run: docker push a/b && docker push \"$IMAGE\"", false),
            ("run: docker compose push", false),
            ("run: docker buildx build --push --tag a/b:1 .", true),
            ("run: docker buildx build --push --tag=$X .", false),
            (
                "{uses: docker/build-push-action@v6, with: {push: true, tags: app}}",
                true,
            ),
            (
                "with:\n  push: true\n  tags: ${{ steps.meta.outputs.tags }}",
                false,
            ),
            ("with:\n  tags: |\n    a/b:1\n    a/b:2\n  push: true", true),
            (
                "with:\n  tags: |\n    a/b:1\n    ${{ env.X }}/b\n  push: true",
                false,
            ),
            ("with:\n  tags:\n  push: true", false),
        ] {
            assert_eq!(is_said(step), said, "{step}");
        }
    }
}
