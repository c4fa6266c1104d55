//! A link that breaks after a given byte.

/// Where a connection ends: when so many bytes have got through in one of the directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    FromClient(usize),
    FromServer(usize),
    Never,
}

/// How many bytes one connection has carried, and how many it will.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) from_client: usize,
    pub(super) from_server: usize,
    cut: Cut,
    pub(super) broken: bool,
}

impl Link {
    pub(super) fn new(cut: Cut) -> Self {
        let broken = matches!(cut, Cut::FromClient(0) | Cut::FromServer(0));
        Self { from_client: 0, from_server: 0, cut, broken }
    }

    /// How much of `len` bytes gets through.
    fn carry(carried: &mut usize, limit: Option<usize>, broken: &mut bool, len: usize) -> usize {
        if *broken {
            return 0;
        }
        let through = limit.map_or(len, |limit| len.min(limit - *carried));
        *carried += through;
        *broken |= limit == Some(*carried);
        through
    }

    pub(super) fn deliver_to_server(&mut self, bytes: &mut Vec<u8>) {
        let limit = if let Cut::FromClient(limit) = self.cut { Some(limit) } else { None };
        let len = Self::carry(&mut self.from_client, limit, &mut self.broken, bytes.len());
        bytes.truncate(len);
    }

    pub(super) fn deliver_to_client(&mut self, bytes: &mut Vec<u8>) {
        let limit = if let Cut::FromServer(limit) = self.cut { Some(limit) } else { None };
        let len = Self::carry(&mut self.from_server, limit, &mut self.broken, bytes.len());
        bytes.truncate(len);
    }
}
